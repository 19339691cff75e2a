//! How slices count a tensor, by what its axes mean.

use laptime_graph::{Axes, CHANNELS, INPUTS, POSITIONS, Program, SAMPLES, TensorId};

use crate::simd::LANES;

/// Rows whose values are a multiple of this are a line further apart: a gradient of weights reads columns of them, which
/// would meet in few sets of a cache.
const ROW_VALUES: usize = 256;

/// The values from one row of a batch to the next, of so many with whole blocks.
pub(crate) fn rows_apart(values: usize) -> usize {
    match values.is_multiple_of(ROW_VALUES) {
        true => values + LANES,
        false => values,
    }
}

/// The extent of a tensor along axes that it may have.
pub(crate) fn extent(program: &Program, id: TensorId, axes: Axes) -> usize {
    program.tensor(id).extent(axes)
}

/// The axes that number a tensor's lines: rows, or the positions of images.
pub(crate) fn lines(program: &Program, id: TensorId) -> Axes {
    match is_images(program, id) {
        true => POSITIONS,
        false => SAMPLES,
    }
}

/// The axes along a tensor's lines: columns, channels, or the inputs of weights.
pub(crate) fn columns(program: &Program, id: TensorId) -> Axes {
    match is_weight(program, id) {
        true => INPUTS,
        false => CHANNELS,
    }
}

/// Whether the tensor is stored as images.
pub(crate) fn is_images(program: &Program, id: TensorId) -> bool {
    program.tensor(id).is_images()
}

/// Whether the tensor is the weights of a product, rounded or not, their moment or their gradient.
pub(crate) fn is_weight(program: &Program, tensor: TensorId) -> bool {
    program.tensor(tensor).is_weight()
}
