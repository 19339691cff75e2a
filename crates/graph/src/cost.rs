//! What operations cost, in floating-point operations.

use crate::{
    ops::Shapes,
    program::{OpId, Operation, Program},
    simplification::Simplification,
    tensor::TensorId,
};

impl Program {
    /// The floating-point operations of one operation, as its definition counts them: 2 a multiply-add,
    /// without the products of weights with padding that these simplifications leave out.
    pub fn flops(&self, id: OpId, taken: &[Simplification]) -> u64 {
        self.count(self.operation(id), taken)
    }

    /// The products of a step as the literature counts them: forward and both gradients of every
    /// layer, 2 a multiply-add, padding included, without the gradient of the pixels, which nobody
    /// needs.
    pub fn model_flops(&self) -> u64 {
        self.executed_flops(&[])
    }

    /// The products of a step that are done where these simplifications are taken: with all of
    /// them, those that meet more than padding.
    pub fn executed_flops(&self, taken: &[Simplification]) -> u64 {
        let is_product = |one: &&Operation| one.op.definition().is_product();
        let products = self.operations.iter().filter(is_product);
        products.map(|operation| self.count(operation, taken)).sum()
    }

    fn count(&self, operation: &Operation, taken: &[Simplification]) -> u64 {
        operation
            .op
            .definition()
            .flops(&self.shapes(operation), taken)
    }

    /// The shapes of what an operation reads and writes.
    fn shapes(&self, operation: &Operation) -> Shapes<'_> {
        let shape = |id: &TensorId| self.tensor(*id).shape.as_slice();
        Shapes {
            inputs: operation.inputs.iter().map(shape).collect(),
            outputs: operation.outputs.iter().map(shape).collect(),
        }
    }
}
