//! What does not fit together in a net: a layer of this kind with inputs of these shapes.

use crate::{spec_error::Problem, windows::Misfit};

/// The height and width of an input that must be an image.
pub(crate) fn image(kind: &str, input: &[usize]) -> Result<[usize; 2], Misfit> {
    match *input {
        [height, width, _] => Ok([height, width]),
        _ => {
            let what = format!(
                "{} {kind} layer reads images, but its input is one row of {} values a sample",
                article(kind),
                shape_text(input)
            );
            let advice = "put it before the layer that makes one row of an image (flatten, \
                          global_avg_pool, dense)";
            Err(("kind", Problem::new(what, advice)))
        }
    }
}

/// How many channels each filter sees, of a convolution in so many groups.
pub(crate) fn channels_seen(
    groups: usize,
    channels: usize,
    filters: usize,
) -> Result<usize, Misfit> {
    if channels.is_multiple_of(groups) && filters.is_multiple_of(groups) {
        return Ok(channels / groups);
    }
    let what = format!("{channels} channels and {filters} filters do not make {groups} groups");
    let advice = "write a number of groups that divides both, or leave groups out";
    Err(("groups", Problem::new(what, advice)))
}

pub(crate) fn dense_on_image(input: &[usize]) -> Misfit {
    let what = format!(
        "a dense layer reads one row of values a sample, but its input has the shape {}",
        shape_text(input)
    );
    let advice = "put a layer with kind = \"flatten\" before it, or one with \
                  kind = \"global_avg_pool\"";
    ("kind", Problem::new(what, advice))
}

/// The shape of a sum.
pub(crate) fn sum_shape(inputs: &[&[usize]]) -> Result<Vec<usize>, Misfit> {
    match two("add", inputs)? {
        [first, second] if first == second => Ok(first.to_vec()),
        [first, second] => {
            let what = format!(
                "an add layer reads two inputs of one shape, but these are {} and {}",
                shape_text(first),
                shape_text(second)
            );
            let advice = "bring one to the shape of the other, as with a 1×1 conv2d";
            Err(("inputs", Problem::new(what, advice)))
        }
    }
}

/// The shape of a product: that of both, or of the images of which each channel has a factor.
pub(crate) fn product_shape(inputs: &[&[usize]]) -> Result<Vec<usize>, Misfit> {
    match two("multiply", inputs)? {
        [first, second] if first == second => Ok(first.to_vec()),
        [[channels], image @ [_, _, last]] | [image @ [_, _, last], [channels]]
            if channels == last =>
        {
            Ok(image.to_vec())
        }
        [first, second] => {
            let what = format!(
                "a multiply layer reads two inputs of one shape, or an image and as many values as it has \
                 channels, but these are {} and {}",
                shape_text(first),
                shape_text(second)
            );
            let advice = "bring one to the shape of the other; flatten makes a row of an image of one position";
            Err(("inputs", Problem::new(what, advice)))
        }
    }
}

/// The shape of all channels, one input's behind the other's.
pub(crate) fn concat_shape(inputs: &[&[usize]]) -> Result<Vec<usize>, Misfit> {
    let [first, _, ..] = inputs else {
        let what = format!(
            "a concat layer reads two layers or more, but is given {}",
            inputs.len()
        );
        let advice = "write inputs = [\"first\", \"second\"]";
        return Err(("inputs", Problem::new(what, advice)));
    };
    let positions = |shape: &[usize]| shape.split_last().map(|(_, rest)| rest.to_vec());
    if let Some(other) = inputs
        .iter()
        .find(|other| positions(other) != positions(first))
    {
        let what = format!(
            "a concat layer reads images of one height and width, or rows, but these are {} and {}",
            shape_text(first),
            shape_text(other)
        );
        let advice = "bring one to the height and width of the other, or flatten both";
        return Err(("inputs", Problem::new(what, advice)));
    }
    let mut shape = first.to_vec();
    let channels = inputs.iter().filter_map(|shape| shape.last());
    if let Some(last) = shape.last_mut() {
        *last = channels.fold(0, |sum, channels| sum.saturating_add(*channels));
    }
    Ok(shape)
}

/// What stands before a kind's name.
pub(crate) fn article(kind: &str) -> &'static str {
    if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    }
}

/// The inputs of a layer that has two.
fn two<'a>(kind: &str, inputs: &[&'a [usize]]) -> Result<[&'a [usize]; 2], Misfit> {
    <[&[usize]; 2]>::try_from(inputs).map_err(|_| {
        let what = format!(
            "{} {kind} layer reads two layers, but is given {}",
            article(kind),
            inputs.len()
        );
        let advice = "write inputs = [\"first\", \"second\"]";
        ("inputs", Problem::new(what, advice))
    })
}

/// A shape as messages show it: `28×28×1`.
pub(crate) fn shape_text(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    sizes.join("×")
}
