//! Transposed convolutions: how a spec writes one, and what its padding comes to.

use crate::{
    fields::Fields,
    spec_error::{Problem, SpecError},
    windows::{self, Misfit, Window},
};

/// Reads the output's padding, or 0.
pub(crate) fn read_output_padding(fields: &Fields) -> [usize; 2] {
    fields.noted(stated_output_padding(fields), [0; 2])
}

fn stated_output_padding(fields: &Fields) -> Result<[usize; 2], SpecError> {
    let key = "output_padding";
    match fields.get(key) {
        None => Ok([0; 2]),
        Some(value) if windows::is_same_padding(fields) => {
            let what = format!("{key:?} does not go with padding = \"same\"");
            let advice = "leave it out: the output is as large as the input times the stride";
            Err(fields.error(value.span(), what, advice))
        }
        Some(_) => windows::read_pair(fields, key, 0),
    }
}

/// What Keras's `padding="same"` comes to: an output as large as the input times the stride.
pub(crate) fn pad_same(
    window: &mut Window,
    output_padding: &mut [usize; 2],
    [height, width]: [usize; 2],
) {
    let [down, right] = window.stride;
    let output = [height.saturating_mul(down), width.saturating_mul(right)];
    window.padding = windows::same_padding(window, output);
    let span = window.span();
    *output_padding = [0, 1].map(|axis| window.stride[axis].saturating_sub(span[axis]));
}

/// The height and width of the output.
pub(crate) fn output(
    window: &Window,
    output_padding: [usize; 2],
    input: [usize; 2],
) -> Result<[usize; 2], Misfit> {
    let mut output = [0; 2];
    for axis in 0..2 {
        let (stride, more) = (window.stride[axis], output_padding[axis]);
        if more >= stride {
            let what = format!("an output_padding of {more} with a stride of {stride}");
            let advice = "make output_padding smaller than the stride, as in PyTorch and Keras";
            return Err(("output_padding", Problem::new(what, advice)));
        }
        let strides = input[axis].saturating_sub(1).saturating_mul(stride);
        let room = strides.saturating_add(window.span()[axis] + more);
        let padding = window.padding[2 * axis] + window.padding[2 * axis + 1];
        output[axis] = room.saturating_sub(padding);
        if output[axis] == 0 {
            let what = format!("padding takes away {padding} of the {room} values of the output");
            return Err(("padding", Problem::new(what, "make the padding smaller")));
        }
    }
    Ok(output)
}
