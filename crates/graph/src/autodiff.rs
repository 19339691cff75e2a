//! Reverse-mode differentiation: every operation, last to first, adds the operations that turn the
//! gradient of its output into the gradients of its inputs.

use crate::{
    builder::Builder,
    op::Op,
    program::{Operation, Role, Tensor, TensorId},
    uses::Uses,
};

/// Adds the backward pass of the mean loss over `logits`. Gives each parameter with its gradient,
/// in the order of the layers.
///
/// A gradient is made only where a parameter needs it: what lies before the first parameter (the
/// pixels) gets none.
pub(crate) fn differentiate(
    builder: &mut Builder,
    logits: TensorId,
    labels: TensorId,
) -> Vec<(TensorId, TensorId)> {
    let forward = builder.operations.clone();
    let needed = needed(builder, &forward);
    let tensors = builder.tensors.len();
    let uses = Uses::of_operations(&forward, tensors);
    let mut backward = Backward {
        gradients: vec![None; tensors],
        parts: vec![0; tensors],
        builder,
        needed,
    };
    backward.add(Op::SoftmaxCrossEntropyGrad, &[logits, labels], &[logits]);
    for operation in forward.iter().rev() {
        if let Some(flowing) = backward.gradients[operation.outputs[0].0] {
            let is_normed = uses.readers(operation.outputs[0]).iter().all(|reader| {
                matches!(forward[reader.0].op, Op::BatchNorm { .. })
            });
            backward.through(operation, flowing, is_normed);
        }
    }
    let Backward {
        builder, gradients, ..
    } = backward;
    let is_parameter = |i: &usize| matches!(builder.tensors[*i].role, Role::Parameter(_));
    (0..gradients.len())
        .filter(is_parameter)
        .filter_map(|i| gradients[i].map(|gradient| (TensorId(i), gradient)))
        .collect()
}

/// Which tensors depend on a parameter, and so pass gradients on.
fn needed(builder: &Builder, forward: &[Operation]) -> Vec<bool> {
    let is_parameter = |role: &Role| matches!(role, Role::Parameter(_));
    let mut needed: Vec<bool> = builder
        .tensors
        .iter()
        .map(|tensor| is_parameter(&tensor.role))
        .collect();
    for operation in forward {
        let needs = operation.inputs.iter().any(|input| needed[input.0]);
        for output in &operation.outputs {
            needed[output.0] |= needs;
        }
    }
    needed
}

struct Backward<'a> {
    builder: &'a mut Builder,
    needed: Vec<bool>,
    /// The gradient of each forward tensor, once there is one.
    gradients: Vec<Option<TensorId>>,
    /// How many gradients, and parts of one, each forward tensor has.
    parts: Vec<usize>,
}

impl Backward<'_> {
    /// The gradients of an operation's inputs from that of its first output, which batch norms alone read
    /// where `is_normed`.
    fn through(&mut self, operation: &Operation, flowing: TensorId, is_normed: bool) {
        let (inputs, outputs) = (&operation.inputs, &operation.outputs);
        let x = inputs[0];
        match operation.op {
            Op::ScalePixels { .. } => {}
            Op::Reshape => self.add(Op::Reshape, &[flowing], &[x]),
            Op::Round => self.pass(flowing, x),
            Op::Dense => {
                let w = self.builder.unrounded(inputs[1]);
                let dy = self.builder.operand(flowing);
                self.add(Op::DenseGradInput, &[dy, inputs[1]], &[x]);
                self.add(Op::DenseGradWeight, &[x, dy], &[w]);
            }
            Op::Conv2d(window) => {
                let w = self.builder.unrounded(inputs[1]);
                let dy = self.builder.operand(flowing);
                if self.needed[x.0] {
                    let rounded = self.builder.filters(w);
                    self.add(Op::Conv2dGradInput(window), &[dy, rounded], &[x]);
                }
                self.add(Op::Conv2dGradWeight(window), &[x, dy], &[w]);
            }
            Op::Bias => {
                // A batch norm takes away the mean, and with it whatever was added to it: the
                // true gradient is zero, and rounding errors in its place would be blown up to
                // full steps by Adam.
                if is_normed {
                    self.add(Op::Zeros, &[], &[inputs[1]]);
                } else {
                    self.add(Op::BiasGrad, &[flowing], &[inputs[1]]);
                }
                self.pass(flowing, x);
            }
            Op::BatchNorm { .. } => {
                let reads = [flowing, x, inputs[1], outputs[1], outputs[2]];
                self.add(Op::BatchNormGrad, &reads, &[x, inputs[1], inputs[2]]);
            }
            Op::Relu => {
                // Rounding changes no sign, and the rounded values are kept anyway.
                let y = self.builder.rounded(outputs[0]).unwrap_or(outputs[0]);
                self.add(Op::ReluGrad, &[y, flowing], &[x]);
            }
            Op::Add => {
                self.pass(flowing, inputs[0]);
                self.pass(flowing, inputs[1]);
            }
            Op::MaxPool(window) => {
                self.add(Op::MaxPoolGrad(window), &[x, outputs[0], flowing], &[x]);
            }
            Op::AvgPool(window) => self.add(Op::AvgPoolGrad(window), &[flowing], &[x]),
            Op::GlobalAvgPool => self.add(Op::GlobalAvgPoolGrad, &[flowing], &[x]),
            Op::Dropout(dropout) => self.add(Op::DropoutGrad(dropout), &[flowing], &[x]),
            ref op => unreachable!("{op} is not in a forward pass"),
        }
    }

    /// Adds an operation that makes the gradients of these tensors, where any of them is needed.
    fn add(&mut self, op: Op, reads: &[TensorId], of: &[TensorId]) {
        if of.iter().any(|of| self.needed[of.0]) {
            let made: Vec<TensorId> = of.iter().map(|of| self.gradient(*of)).collect();
            self.builder.operation(op, reads, &made);
            for (of, made) in of.iter().zip(made) {
                self.pass(made, *of);
            }
        }
    }

    /// Takes a gradient for a tensor; where another reader gave one before, their sum.
    fn pass(&mut self, gradient: TensorId, of: TensorId) {
        if !self.needed[of.0] {
            return;
        }
        self.gradients[of.0] = Some(match self.gradients[of.0] {
            None => gradient,
            Some(earlier) => {
                let sum = self.gradient(of);
                self.builder
                    .operation(Op::Add, &[earlier, gradient], &[sum]);
                sum
            }
        });
    }

    /// A new tensor shaped like `of` that holds its gradient, or a part of it.
    fn gradient(&mut self, of: TensorId) -> TensorId {
        let Tensor { name, shape, .. } = &self.builder.tensors[of.0];
        let parts = &mut self.parts[of.0];
        *parts += 1;
        let name = match *parts {
            1 => format!("d.{name}"),
            parts => format!("d.{name}.{parts}"),
        };
        let shape = shape.clone();
        self.builder.tensor(name, shape, Role::Gradient { of })
    }
}
