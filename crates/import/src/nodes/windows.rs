//! Kernels and pooling windows: ONNX's attributes, and laptime's keys.

use crate::{flow::Flow, messages::Node, net::Layer, problem::Problem, walk::Walk};

/// How a window slides over an image, every amount written out: [height, width] each.
pub(crate) struct Window {
    pub size: [usize; 2],
    pub stride: [usize; 2],
    /// Above, below, left, right.
    pub padding: [usize; 4],
    /// From one tap to the next.
    pub dilation: [usize; 2],
}

/// Far beyond use; sizes below it cannot overflow anywhere.
const MOST: i64 = 1 << 16;

impl Window {
    /// The window of a node over an image of this height and width; `size` is known for a convolution.
    pub fn read(node: &Node, input: [usize; 2], size: Option<&[usize]>) -> Result<Self, Problem> {
        let rank = size.map_or(node.ints("kernel_shape").len(), <[usize]>::len);
        if !(1..=2).contains(&rank) {
            let what = format!("its window has {rank} dimensions");
            return Err(Problem::new(
                what,
                "laptime has windows of one and two dimensions",
            ));
        }
        let numbers = |name: &str, without: i64, count: usize| numbers(node, name, without, count);
        let size = match size {
            Some(size) => size.to_vec(),
            None => numbers("kernel_shape", 1, rank)?,
        };
        let stride = numbers("strides", 1, rank)?;
        let dilation = numbers("dilations", 1, rank)?;
        if [&size, &stride, &dilation]
            .iter()
            .any(|one| one.contains(&0))
        {
            let what = "its kernel, stride or dilation is 0";
            return Err(Problem::new(what, "export the model again"));
        }
        let pads = numbers("pads", 0, 2 * rank)?;
        let (before, after) = pads.split_at(rank);
        let ([above, left], [below, right]) = (two(before, 0), two(after, 0));
        let mut window = Self {
            size: two(&size, 1),
            stride: two(&stride, 1),
            padding: [above, below, left, right],
            dilation: two(&dilation, 1),
        };
        match node.text("auto_pad") {
            "" | "NOTSET" => {}
            "VALID" => window.padding = [0; 4],
            "SAME_UPPER" => window.padding = window.same(input),
            "SAME_LOWER" => {
                let [above, below, left, right] = window.same(input);
                window.padding = [below, above, right, left];
            }
            other => {
                let what = format!("its auto_pad is {other:?}");
                return Err(Problem::new(what, "export the model again"));
            }
        }
        Ok(window)
    }

    /// The height and width that the taps span.
    pub fn span(&self, axis: usize) -> usize {
        (self.size[axis] - 1) * self.dilation[axis] + 1
    }

    /// What `padding = "same"` comes to: as much as gives ⌈input / stride⌉ outputs, the larger half behind.
    pub fn same(&self, input: [usize; 2]) -> [usize; 4] {
        let of = |axis: usize| {
            let outputs = input[axis].div_ceil(self.stride[axis]);
            let covered = outputs.saturating_sub(1) * self.stride[axis] + self.span(axis);
            let total = covered.saturating_sub(input[axis]);
            [total / 2, total - total / 2]
        };
        let ([above, below], [left, right]) = (of(0), of(1));
        [above, below, left, right]
    }

    /// With more zeros around the image.
    pub fn padded_by(&mut self, padding: [usize; 4]) {
        for (of, more) in self.padding.iter_mut().zip(padding) {
            *of += more;
        }
    }

    /// The output's height and width.
    pub fn output(&self, input: [usize; 2]) -> Result<[usize; 2], Problem> {
        let [above, below, left, right] = self.padding;
        let of = |axis: usize, padding: usize| {
            let room = (input[axis] + padding).checked_sub(self.span(axis));
            room.map(|room| room / self.stride[axis] + 1)
        };
        match (of(0, above + below), of(1, left + right)) {
            (Some(height), Some(width)) => Ok([height, width]),
            _ => {
                let [height, width] = [self.span(0), self.span(1)];
                let what = format!(
                    "its window of {height}×{width} is larger than its input of {}×{}",
                    input[0], input[1]
                );
                Err(Problem::new(what, "export the model for larger inputs"))
            }
        }
    }

    /// The keys of the layer, the size under this one.
    pub fn keys(&self, layer: Layer, size_key: &'static str, input: [usize; 2]) -> Layer {
        let padding = match self.padding {
            [0, 0, 0, 0] => "\"valid\"".into(),
            padding if padding == self.same(input) => "\"same\"".into(),
            padding => format!("{padding:?}"),
        };
        let layer = layer
            .key(size_key, pair(self.size))
            .key("stride", pair(self.stride))
            .key("padding", padding);
        match self.dilation {
            [1, 1] => layer,
            dilation => layer.key("dilation", pair(dilation)),
        }
    }
}

/// An attribute of so many numbers, all of them `without` where it is left out.
pub(super) fn numbers(
    node: &Node,
    name: &str,
    without: i64,
    count: usize,
) -> Result<Vec<usize>, Problem> {
    let given = node.ints(name);
    let given = if given.is_empty() {
        vec![without; count]
    } else {
        given.to_vec()
    };
    let is_right = given.len() == count && given.iter().all(|one| (0..=MOST).contains(one));
    match is_right {
        true => Ok(given.into_iter().map(|one| one as usize).collect()),
        false => {
            let what = format!("its {name} are {given:?}");
            Err(Problem::new(what, "export the model again"))
        }
    }
}

/// Numbers of a window of one dimension are those of the width.
pub(super) fn two(of: &[usize], without: usize) -> [usize; 2] {
    match *of {
        [one] => [without, one],
        [first, second, ..] => [first, second],
        [] => [without; 2],
    }
}

pub(super) fn pair(sizes: [usize; 2]) -> String {
    match sizes {
        [first, second] if first == second => first.to_string(),
        sizes => format!("{sizes:?}"),
    }
}

/// Height, width and channels of what a node reads, which has its channels first.
pub(super) fn channels_first(walk: &Walk, flow: &Flow) -> Result<[usize; 3], Problem> {
    let image = walk.image(flow)?;
    let expected = Flow::channels_first(flow.place, flow.dims.clone());
    let is_one = (2..=3).contains(&flow.dims.len());
    if !is_one || expected.shape() != flow.shape() || expected.order() != flow.order() {
        let what = "the axes of its input are not batch, channels, height and width".to_owned();
        return Err(Problem::new(
            what,
            "export the model without the Transpose in front of it",
        ));
    }
    Ok(image)
}
