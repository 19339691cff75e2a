//! How slices count a tensor, by what its axes mean.

use laptime_graph::{Program, TensorId, schedule::axes_along};

/// The extent of a tensor along an axis as slices count it: 0 for rows, positions or outputs, 1 for
/// columns, channels or inputs.
pub(crate) fn extent(program: &Program, id: TensorId, axis: usize) -> usize {
    let tensor = program.tensor(id);
    tensor.extent(axes_along(tensor, axis))
}

/// Whether the tensor is stored as images.
pub(crate) fn is_images(program: &Program, id: TensorId) -> bool {
    program.tensor(id).is_images()
}

/// Whether the tensor is the weights of a product, rounded or not, their moment or their gradient.
pub(crate) fn is_weight(program: &Program, tensor: TensorId) -> bool {
    program.tensor(tensor).is_weight()
}
