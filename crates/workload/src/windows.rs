//! How a spec writes a kernel or a pooling window, and what its padding comes to.

use serde::{Deserialize, Serialize};
use toml::{Spanned, de::DeArray};

use crate::{
    fields::{Fields, Value},
    spec_error::{Problem, SpecError, quoted},
};

/// How a kernel or a pooling window slides over an image, every amount written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Height and width.
    pub kernel: [usize; 2],
    /// Steps down and to the right.
    pub stride: [usize; 2],
    /// Zeros (for pooling: nothing) added above, below, left and right.
    pub padding: [usize; 4],
    /// From one tap of a kernel to the next, down and to the right (Yu & Koltun 2016); 1 for pooling.
    #[serde(default = "dense", skip_serializing_if = "is_dense")]
    pub dilation: [usize; 2],
}

fn dense() -> [usize; 2] {
    [1; 2]
}

/// What earlier builds never wrote: digests are taken of the text.
fn is_dense(dilation: &[usize; 2]) -> bool {
    *dilation == dense()
}

impl Window {
    /// The height and width that the taps span: the kernel's, where there are no gaps between them.
    pub fn span(&self) -> [usize; 2] {
        [0, 1].map(|axis| (self.kernel[axis] - 1) * self.dilation[axis] + 1)
    }

    /// The output's height and width for an input of this height and width, or `None` where the
    /// window is larger than the padded input.
    pub fn output(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        let [above, below, left, right] = self.padding;
        let extent = |axis: usize, padding: usize| {
            let room = (input[axis] + padding).checked_sub(self.span()[axis])?;
            Some(room / self.stride[axis] + 1)
        };
        Some([extent(0, above + below)?, extent(1, left + right)?])
    }
}

/// What does not fit, and the key of the layer whose value is to blame.
pub(crate) type Misfit = (&'static str, Problem);

/// Far beyond use; sizes below it cannot overflow anywhere.
const MAX_EXTENT: u64 = 1 << 16;

const SAME: &str = "same";

/// The ways to write a padding, each with what it is.
pub const PADDINGS: &[(&str, &str)] = &[
    ("\"valid\"", "none, the default in PyTorch and Keras"),
    (
        "\"same\"",
        "as much as gives input / stride outputs, rounded up; where it is odd, more below and to the right",
    ),
    (
        "[above, below, left, right]",
        "these amounts; PyTorch's padding = 1 is [1, 1, 1, 1]",
    ),
];

const PADDING_EXAMPLE: &str = "\"valid\" or \"same\" or [above, below, left, right]";

/// Reads `size_key`, `stride` and `padding`, and `dilation` where the layer has such a key. For `padding = "same"` the amounts are 0 until
/// [`same_padding`] is put in.
pub(crate) fn read(fields: &Fields, size_key: &str) -> Window {
    Window {
        kernel: fields.noted(read_pair(fields, size_key, 1), [1; 2]),
        stride: fields.noted(read_pair(fields, "stride", 1), [1; 2]),
        padding: fields.noted(read_padding(fields), [0; 4]),
        dilation: match fields.get("dilation") {
            Some(_) => read_size(fields, "dilation"),
            None => dense(),
        },
    }
}

/// A size, down and to the right.
pub(crate) fn read_size(fields: &Fields, key: &str) -> [usize; 2] {
    fields.noted(read_pair(fields, key, 1), [1; 2])
}

/// One size for both directions, or two: down and to the right.
pub(crate) fn read_pair(fields: &Fields, key: &str, least: u64) -> Result<[usize; 2], SpecError> {
    let value = fields.required(key)?;
    match value.get_ref().as_array() {
        Some(array) => read_array(fields, key, value, array, "2 or [2, 2]", least),
        None => Ok([fields.as_size(key, value, &fields.example(key), least..=MAX_EXTENT)?; 2]),
    }
}

fn read_padding(fields: &Fields) -> Result<[usize; 4], SpecError> {
    let key = "padding";
    let value = fields.required(key)?;
    if let Some(array) = value.get_ref().as_array() {
        return read_array(fields, key, value, array, PADDING_EXAMPLE, 0);
    }
    match value.get_ref().as_str() {
        Some("valid" | SAME) => Ok([0; 4]),
        Some(text) => {
            let what = format!("unknown {key} {}", quoted(text));
            let advice = format!("write {key} = {PADDING_EXAMPLE}");
            Err(fields.error(value.span(), what, advice))
        }
        None => Err(fields.wrong_type(key, value, PADDING_EXAMPLE)),
    }
}

fn read_array<const N: usize>(
    fields: &Fields,
    key: &str,
    value: Value,
    array: &DeArray,
    example: &str,
    least: u64,
) -> Result<[usize; N], SpecError> {
    let sizes = array
        .iter()
        .map(|size| fields.as_size(key, size, example, least..=MAX_EXTENT));
    let sizes = sizes.collect::<Result<Vec<usize>, _>>()?;
    sizes.try_into().map_err(|sizes: Vec<usize>| {
        let what = format!("{key:?} has {} numbers, not {N}", sizes.len());
        fields.error(value.span(), what, format!("write {key} = {example}"))
    })
}

/// Whether the layer has `padding = "same"`.
pub(crate) fn is_same_padding(fields: &Fields) -> bool {
    let padding = fields.get("padding").map(Spanned::get_ref);
    padding.and_then(|value| value.as_str()) == Some(SAME)
}

/// What TensorFlow pads for `"same"`: as much as gives ⌈input / stride⌉ outputs, the smaller half before.
pub(crate) fn same_padding(window: &Window, [height, width]: [usize; 2]) -> [usize; 4] {
    let [rows, columns] = window.span();
    let [above, below] = same(height, rows, window.stride[0]);
    let [left, right] = same(width, columns, window.stride[1]);
    [above, below, left, right]
}

/// What PyTorch's `ceil_mode=True` comes to: as much more below and to the right as one more window needs, where one
/// would begin within the image or the padding before it.
pub(crate) fn ceil_padding(window: &Window, input: [usize; 2]) -> [usize; 4] {
    let mut padding = window.padding;
    for axis in 0..2 {
        let (kernel, stride) = (window.kernel[axis], window.stride[axis]);
        let begin = input[axis] + padding[2 * axis];
        let room = begin + padding[2 * axis + 1];
        let strides = (room + stride - 1).saturating_sub(kernel) / stride;
        let strides = if strides * stride < begin {
            strides
        } else {
            strides.saturating_sub(1)
        };
        padding[2 * axis + 1] += (strides * stride + kernel).saturating_sub(room);
    }
    padding
}

fn same(input: usize, kernel: usize, stride: usize) -> [usize; 2] {
    let covered = (input.div_ceil(stride) - 1) * stride + kernel;
    let total = covered.saturating_sub(input);
    [total / 2, total - total / 2]
}

/// The height and width that a convolution's window gives.
pub(crate) fn conv_output(window: &Window, input: [usize; 2]) -> Result<[usize; 2], Misfit> {
    output(window, input, "kernel")
}

/// The height and width that a pooling window gives.
pub(crate) fn pool_output(window: &Window, input: [usize; 2]) -> Result<[usize; 2], Misfit> {
    let [height, width] = window.kernel;
    let [above, below, left, right] = window.padding;
    if above.max(below) >= height || left.max(right) >= width {
        let what = format!(
            "padding by {above}, {below}, {left}, {right} leaves windows of {height}×{width} \
             with nothing but padding in them"
        );
        let advice = "pad less than the window's size on every side";
        return Err(("padding", Problem::new(what, advice)));
    }
    output(window, input, "size")
}

fn output(
    window: &Window,
    input: [usize; 2],
    size_key: &'static str,
) -> Result<[usize; 2], Misfit> {
    window.output(input).ok_or_else(|| {
        let [height, width] = window.span();
        let [above, below, left, right] = window.padding;
        let padded_height = input[0] + above + below;
        let padded_width = input[1] + left + right;
        let what = format!(
            "a window of {height}×{width} is larger than its input of {}×{} \
             ({padded_height}×{padded_width} with padding)",
            input[0], input[1]
        );
        let advice = format!("make {size_key} smaller, or the padding larger");
        (size_key, Problem::new(what, advice))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceil_mode_is_pytorchs() {
        // (input, kernel, stride, padding on both sides), and the outputs of torch's max_pool2d(ceil_mode=True).
        let table = [
            ((7, 3, 2, 0), 3),
            ((8, 3, 2, 0), 4),
            ((8, 3, 2, 1), 5),
            ((112, 3, 2, 0), 56),
            ((6, 2, 3, 0), 2),
            ((7, 2, 3, 0), 3),
            ((5, 1, 2, 0), 3),
            ((4, 2, 2, 1), 3),
            ((5, 2, 2, 1), 3),
            ((2, 3, 2, 0), 1),
        ];
        for ((input, kernel, stride, padding), expected) in table {
            let mut window = Window {
                kernel: [kernel; 2],
                stride: [stride; 2],
                padding: [padding; 4],
                dilation: [1; 2],
            };
            window.padding = ceil_padding(&window, [input; 2]);
            let what = format!("{input}, {kernel}, {stride}, {padding}");
            assert_eq!(window.output([input; 2]), Some([expected; 2]), "{what}");
            assert!(window.padding[1] < kernel, "{what}");
            assert_eq!([window.padding[0], window.padding[2]], [padding; 2]);
        }
    }

    #[test]
    fn same_padding_is_tensorflows() {
        // (input, kernel, stride), and what tf.nn.conv2d pads before and after.
        let table = [
            ((8, 3, 1), [1, 1]),
            ((8, 3, 2), [0, 1]),
            ((7, 3, 2), [1, 1]),
            ((32, 7, 2), [2, 3]),
            ((8, 2, 1), [0, 1]),
            ((8, 1, 2), [0, 0]),
            ((8, 2, 3), [0, 0]),
            ((1, 3, 1), [1, 1]),
            ((1, 3, 5), [1, 1]),
            ((5, 4, 3), [1, 1]),
        ];
        for ((input, kernel, stride), expected) in table {
            let padding = same(input, kernel, stride);
            assert_eq!(padding, expected, "{input}, {kernel}, {stride}");
            let window = Window {
                kernel: [kernel; 2],
                stride: [stride; 2],
                padding: [padding[0], padding[1], padding[0], padding[1]],
                dilation: [1; 2],
            };
            let output = input.div_ceil(stride);
            assert_eq!(window.output([input; 2]), Some([output; 2]));
        }
    }
}
