//! What kind of work an operation is, derived from how it iterates and what its tensors are for.

use crate::{
    ops::{Body, Index, Iteration, OperandAxes},
    program::{Operation, Program},
    tensor::{Role, TensorId},
};

/// What kind of work an operation is: the first line that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It makes metrics, or the gradient of what they are made of, with which backward begins.
    Loss,
    /// It updates a parameter in place.
    Update,
    /// Sums of products.
    Product,
    /// It reads through a window.
    Window,
    /// It takes its results over a loop, as a sum.
    Reduction,
    /// Values are copied.
    Movement,
    /// A function of the values at each place.
    Pointwise,
}

impl Program {
    /// How an operation iterates.
    pub fn iteration(&self, operation: &Operation) -> Iteration {
        let axes = |id: &TensorId| self.tensor(*id).axes.as_slice();
        operation.op.definition().iteration(&OperandAxes {
            inputs: operation.inputs.iter().map(axes).collect(),
            outputs: operation.outputs.iter().map(axes).collect(),
        })
    }

    /// What kind of work an operation is.
    pub fn class(&self, operation: &Operation) -> Class {
        let role = |id: &TensorId| &self.tensor(*id).role;
        match *role(&operation.outputs[0]) {
            Role::Metric => return Class::Loss,
            Role::Gradient { of } if of == self.logits => return Class::Loss,
            Role::Parameter(_) => return Class::Update,
            _ => {}
        }
        let spaces = self.iteration(operation).spaces;
        let is_window = |index: &Index| matches!(index, Index::Met(_) | Index::MetBy(_));
        let mut indices = spaces
            .iter()
            .flat_map(|space| space.maps().flat_map(|map| &map.at));
        if spaces.iter().any(|space| space.body == Body::SumOfProducts) {
            Class::Product
        } else if indices.any(is_window) {
            Class::Window
        } else if spaces.iter().any(|space| !space.reduced().is_empty()) {
            Class::Reduction
        } else if spaces.iter().all(|space| space.body == Body::Copy) {
            Class::Movement
        } else {
            Class::Pointwise
        }
    }
}
