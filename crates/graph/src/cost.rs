//! What operations cost, in floating-point operations.

use laptime_workload::Window;

use crate::{
    op::Op,
    program::{OpId, Operation, Program, TensorId},
    simplification::{Simplification, multiplied_pairs},
};

impl Program {
    /// The floating-point operations of one operation, 2 a multiply-add. Of what is not a
    /// product only the order of magnitude matters; it is counted as written in the op's formula.
    /// Products of weights with padding are left out as far as these simplifications do it.
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
        let products = self.operations.iter().filter(|one| one.op.is_product());
        products.map(|operation| self.count(operation, taken)).sum()
    }

    fn count(&self, operation: &Operation, taken: &[Simplification]) -> u64 {
        let (inputs, outputs) = (&operation.inputs, &operation.outputs);
        let elements = |id: TensorId| self.tensor(id).elements() as u64;
        let rows = |id: TensorId| self.tensor(id).shape[0] as u64;
        // Of x (B, H, W, C) and y (B, H', W', O).
        let convolution = |window: &Window, x: TensorId, y: TensorId| {
            let (x, y) = (&self.tensor(x).shape, &self.tensor(y).shape);
            let pairs = multiplied_pairs(window, [x[1], x[2]], [y[1], y[2]], taken);
            2 * (x[0] * x[3] * y[3] * pairs) as u64
        };
        match operation.op {
            Op::Dense | Op::DenseGradInput => 2 * elements(inputs[1]) * rows(inputs[0]),
            Op::DenseGradWeight => 2 * elements(outputs[0]) * rows(inputs[0]),
            Op::Conv2d(ref window) => convolution(window, inputs[0], outputs[0]),
            Op::Conv2dGradInput(ref window) => convolution(window, outputs[0], inputs[0]),
            Op::Conv2dGradWeight(ref window) => convolution(window, inputs[0], inputs[1]),
            Op::Reshape | Op::Zeros => 0,
            Op::ScalePixels { .. }
            | Op::Round
            | Op::Bias
            | Op::BiasGrad
            | Op::Relu
            | Op::ReluGrad
            | Op::Add
            | Op::GlobalAvgPool
            | Op::GlobalAvgPoolGrad
            | Op::Dropout(_)
            | Op::DropoutGrad(_) => elements(inputs[0]),
            Op::MaxPool(window) | Op::AvgPool(window) => {
                elements(outputs[0]) * window.kernel.iter().product::<usize>() as u64
            }
            Op::MaxPoolGrad(window) => {
                elements(inputs[1]) * window.kernel.iter().product::<usize>() as u64
            }
            Op::AvgPoolGrad(window) => {
                elements(inputs[0]) * window.kernel.iter().product::<usize>() as u64
            }
            Op::BatchNorm { .. } => 7 * elements(inputs[0]),
            Op::BatchNormGrad => 9 * elements(inputs[0]),
            Op::BatchNormEvaluation { .. } => 2 * elements(inputs[0]),
            Op::SoftmaxCrossEntropy | Op::SoftmaxCrossEntropyGrad => 5 * elements(inputs[0]),
            Op::Adam { .. } => 12 * elements(inputs[0]),
            Op::Sgd { .. } => 4 * elements(inputs[0]),
        }
    }
}
