//! How slices count a tensor, by what its shape means.

use laptime_graph::{Program, Role, Tensor, TensorId};

/// The extent of a tensor along an axis as slices count it: 0 for rows, positions or outputs, 1 for
/// columns, channels or inputs.
pub(crate) fn extent(program: &Program, id: TensorId, axis: usize) -> usize {
    match (&program.tensor(id).shape[..], axis) {
        ([], _) | ([_], 0) => 1,
        ([columns], _) => *columns,
        ([rows, _], 0) => *rows,
        ([_, columns], _) => *columns,
        (&[outputs, inputs, ..], _) if is_weight(program, id) => [outputs, inputs][axis],
        (&[_, ref positions @ .., _], 0) => positions.iter().product(),
        (&[.., channels], _) => channels,
    }
}

/// Whether the tensor is stored as images.
pub(crate) fn is_images(program: &Program, id: TensorId) -> bool {
    program.tensor(id).shape.len() == 4 && !is_weight(program, id)
}

/// Whether the tensor is the weights of a product, rounded or not, their moment or their gradient.
pub(crate) fn is_weight(program: &Program, tensor: TensorId) -> bool {
    let parameter = match program.tensor(tensor).role {
        Role::Moment { of, .. } | Role::Gradient { of } | Role::Rounded { of } => of,
        _ => tensor,
    };
    let Tensor { role, shape, .. } = program.tensor(parameter);
    matches!(role, Role::Parameter(_)) && shape.len() > 1
}
