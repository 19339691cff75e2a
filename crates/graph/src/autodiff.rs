//! Reverse-mode differentiation: every operation, last to first, adds the operations that turn the
//! gradient of its output into the gradients of its inputs.

use crate::{
    builder::Builder,
    ops::{Add, Form, Forward, Gradient, Net, Op, Saved},
    program::{OpId, Operation},
    tensor::{Role, TensorId},
    uses::Uses,
};

/// Adds the backward pass of the mean loss, which the last operation takes. Gives each parameter with its
/// gradient, in the order of the layers.
///
/// `mean_of`: the samples of the step, where they are more than the Program's. A gradient is made only where a parameter needs it: what lies before the first parameter (the
/// pixels) gets none.
pub(crate) fn differentiate(
    builder: &mut Builder,
    mean_of: Option<usize>,
) -> Vec<(TensorId, TensorId)> {
    let operations = builder.operations.clone();
    let needed = needed(builder, &operations);
    let tensors = builder.tensors.len();
    let uses = Uses::of_operations(&operations, tensors);
    let ignores_mean = |reader: &OpId| operations[reader.0].op.definition().ignores_mean();
    let mut backward = Backward {
        gradients: vec![None; tensors],
        parts: vec![0; tensors],
        builder,
        needed,
    };
    let loss = operations.len() - 1;
    for (place, operation) in operations.iter().enumerate().rev() {
        let flowing = backward.gradients[operation.outputs[0].0];
        if flowing.is_some() || place == loss {
            let readers = uses.readers(operation.outputs[0]);
            let readers_ignore_mean = readers.iter().all(ignores_mean);
            backward.through(
                operation,
                flowing,
                Forward {
                    readers_ignore_mean,
                    mean_of,
                },
            );
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
    /// The gradients of an operation's inputs from that of its first output; into a loss none flows.
    fn through(&mut self, operation: &Operation, flowing: Option<TensorId>, forward: Forward) {
        let op = operation.op;
        let flows = || flowing.expect("a gradient flows into all but the loss");
        let gradients = op.definition().gradient(forward);
        for gradient in gradients.unwrap_or_else(|| unreachable!("{op} is not in a forward pass")) {
            match gradient {
                Gradient::Pass(of) => {
                    for input in of {
                        self.pass(flows(), operation.inputs[input]);
                    }
                }
                Gradient::Made { op, reads, of } => {
                    let of: Vec<TensorId> = of
                        .iter()
                        .map(|input| self.owner(operation.inputs[*input]))
                        .collect();
                    if of.iter().any(|of| self.needed[of.0]) {
                        let reads: Vec<TensorId> = reads
                            .iter()
                            .map(|saved| self.saved(operation, *saved, flows))
                            .collect();
                        self.add(op, &reads, &of);
                    }
                }
            }
        }
    }

    /// The tensor whose gradient a product makes: of a parameter that it reads rounded, the parameter.
    fn owner(&self, input: TensorId) -> TensorId {
        let unrounded = self.builder.unrounded(input);
        match self.builder.tensors[unrounded.0].role {
            Role::Parameter(_) => unrounded,
            _ => input,
        }
    }

    /// A tensor of the forward pass, or the flowing gradient, in the form in which a gradient reads it.
    fn saved(
        &mut self,
        operation: &Operation,
        saved: Saved,
        flows: impl Fn() -> TensorId,
    ) -> TensorId {
        let (id, form) = match saved {
            Saved::Input(input, form) => (operation.inputs[input], form),
            Saved::Output(output, form) => (operation.outputs[output], form),
            Saved::Flowing(form) => (flows(), form),
        };
        match form {
            Form::Same => id,
            Form::Product => self.builder.operand(id),
            Form::ProductAgain => self.builder.operand_again(self.builder.unrounded(id)),
            Form::Stored => self.builder.rounded(id).unwrap_or(id),
        }
    }

    /// Adds an operation that makes the gradients of these tensors.
    fn add(&mut self, op: Op, reads: &[TensorId], of: &[TensorId]) {
        let made: Vec<TensorId> = of.iter().map(|of| self.gradient(*of)).collect();
        self.builder.operation(op, reads, &made);
        for (of, made) in of.iter().zip(made) {
            self.pass(made, *of);
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
                    .operation(Add.into(), &[earlier, gradient], &[sum]);
                sum
            }
        });
    }

    /// A new tensor shaped like `of` that holds its gradient, or a part of it.
    fn gradient(&mut self, of: TensorId) -> TensorId {
        let name = &self.builder.tensors[of.0].name;
        let parts = &mut self.parts[of.0];
        *parts += 1;
        let name = match *parts {
            1 => format!("d.{name}"),
            parts => format!("d.{name}.{parts}"),
        };
        self.builder.tensor_like(of, name, Role::Gradient { of })
    }
}
