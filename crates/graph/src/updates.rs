//! What a training step does with gradients: it clips them, where that is asked for, and updates parameters.

use std::collections::HashMap;

use laptime_workload::Workload;

use crate::{
    axis::Axis,
    builder::Builder,
    ops::{self, Clip, ClipFactor, Net, SquareSum},
    program::Operation,
    tensor::{Role, TensorId},
};

impl Builder {
    /// The update of every parameter that has a gradient.
    pub(crate) fn updates(&mut self, workload: &Workload, gradients: Vec<(TensorId, TensorId)>) {
        let gradients = match workload.global_clip_norm {
            Some(max_norm) => self.clipped(max_norm, &gradients),
            None => gradients,
        };
        for (parameter, gradient) in gradients {
            let is_weight = self.tensors[parameter.0].is_weight();
            let (op, moments) = ops::update(&workload.optimizer, is_weight);
            let mut updated = vec![parameter];
            for &which in moments {
                let name = format!("{}.{}", self.tensors[parameter.0].name, which.suffix());
                let role = Role::Moment {
                    of: parameter,
                    which,
                };
                updated.push(self.tensor_like(parameter, name, role));
            }
            self.operation(op, &[&[gradient], &updated[..]].concat(), &updated);
        }
        self.hoist_updates();
    }

    /// The parameters with their gradients times one factor, so that the norm of all of them together is
    /// `max_norm` at most.
    fn clipped(
        &mut self,
        max_norm: f64,
        gradients: &[(TensorId, TensorId)],
    ) -> Vec<(TensorId, TensorId)> {
        let single = [(Axis::Single, 1)];
        let mut sums = Vec::with_capacity(gradients.len());
        for (_, gradient) in gradients {
            let name = format!("{}.square_sum", self.tensors[gradient.0].name);
            sums.push(self.value(name, &single));
        }
        let makers = gradients.iter().zip(&sums);
        let sum_of: HashMap<TensorId, TensorId> = makers
            .map(|((_, gradient), sum)| (*gradient, *sum))
            .collect();
        // Where the gradient is made, while it is in the cache.
        for operation in std::mem::take(&mut self.operations) {
            let made = operation.outputs.clone();
            self.operations.push(operation);
            for gradient in made {
                if let Some(sum) = sum_of.get(&gradient) {
                    self.operation(SquareSum.into(), &[gradient], &[*sum]);
                }
            }
        }
        let factor = self.value("clip_factor".to_owned(), &single);
        self.operation(ClipFactor { max_norm }.into(), &sums, &[factor]);
        let mut clipped = Vec::with_capacity(gradients.len());
        for &(parameter, gradient) in gradients {
            let name = format!("{}.clipped", self.tensors[gradient.0].name);
            let to = self.tensor_like(parameter, name, Role::Gradient { of: parameter });
            self.operation(Clip.into(), &[gradient, factor], &[to]);
            clipped.push((parameter, to));
        }
        clipped
    }

    /// Moves every update up to where its gradient is made and the old value no longer needed: a
    /// gradient that is used at once need not be kept until the end of the step.
    fn hoist_updates(&mut self) {
        let is_update = |operation: &Operation| operation.op.definition().is_update();
        let (updates, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.operations)
            .into_iter()
            .partition(is_update);
        // The last of the other operations that makes or reads each tensor.
        let mut last_use = vec![0; self.tensors.len()];
        for (index, operation) in others.iter().enumerate() {
            for tensor in operation.inputs.iter().chain(&operation.outputs) {
                last_use[tensor.0] = index;
            }
        }
        let mut behind: Vec<Vec<Operation>> = vec![Vec::new(); others.len()];
        for update in updates {
            let (gradient, parameter) = (update.inputs[0], update.inputs[1]);
            behind[last_use[gradient.0].max(last_use[parameter.0])].push(update);
        }
        for (operation, updates) in others.into_iter().zip(behind) {
            self.operations.push(operation);
            self.operations.extend(updates);
        }
    }
}
