//! What a training step does with gradients: it adds them up over micro-batches and clips them, where that is asked
//! for, and updates parameters.

use std::collections::{HashMap, HashSet};

use laptime_workload::Workload;

use crate::{
    axis::Axis,
    builder::Builder,
    micro_batch::MicroBatch,
    ops::{self, Accumulate, Clip, ClipFactor, Net, Op, SquareSum},
    program::Operation,
    tensor::{Role, TensorId},
};

impl Builder {
    /// All that is done with the gradients of the parameters.
    pub(crate) fn use_gradients(
        &mut self,
        workload: &Workload,
        gradients: Vec<(TensorId, TensorId)>,
        micro_batch: Option<MicroBatch>,
    ) {
        let Some(MicroBatch { is_last, .. }) = micro_batch else {
            return self.updates(workload, gradients);
        };
        let sums = self.accumulated(&gradients);
        if is_last {
            self.updates(workload, sums);
        } else {
            // Nobody asks for them here.
            self.operations
                .retain(|operation| !operation.op.definition().makes_zeros());
        }
    }

    /// The parameters with the sums of their gradients over the micro-batches so far. What is always 0 is not
    /// added.
    fn accumulated(&mut self, gradients: &[(TensorId, TensorId)]) -> Vec<(TensorId, TensorId)> {
        let makes_zeros = |operation: &&Operation| operation.op.definition().makes_zeros();
        let zeros = self.operations.iter().filter(makes_zeros);
        let zeros: HashSet<TensorId> = zeros.map(|operation| operation.outputs[0]).collect();
        let mut sums = gradients.to_vec();
        let mut sum_of = HashMap::new();
        for (parameter, gradient) in &mut sums {
            if !zeros.contains(gradient) {
                let name = format!("{}.sum", self.tensors[gradient.0].name);
                let role = Role::Accumulator { of: *parameter };
                let sum = self.tensor_like(*parameter, name, role);
                sum_of.insert(*gradient, sum);
                *gradient = sum;
            }
        }
        self.behind_makers(&sum_of, |gradient, sum| {
            (Accumulate.into(), vec![gradient, sum])
        });
        sums
    }

    /// Adds an operation behind each that makes one of these tensors, while it is in the cache: it makes the other
    /// tensor, of inputs that are given with it.
    fn behind_makers(
        &mut self,
        to: &HashMap<TensorId, TensorId>,
        operation: impl Fn(TensorId, TensorId) -> (Op, Vec<TensorId>),
    ) {
        for maker in std::mem::take(&mut self.operations) {
            let made = maker.outputs.clone();
            self.operations.push(maker);
            for id in made {
                if let Some(&other) = to.get(&id) {
                    let (op, inputs) = operation(id, other);
                    self.operation(op, &inputs, &[other]);
                }
            }
        }
    }

    /// The update of every parameter that has a gradient.
    fn updates(&mut self, workload: &Workload, gradients: Vec<(TensorId, TensorId)>) {
        let gradients = match workload.global_clip_norm {
            Some(max_norm) => self.clipped(max_norm, &gradients),
            None => gradients,
        };
        for (parameter, gradient) in gradients {
            // Products' weights and tables, but no biases, scales and shifts.
            let is_weight = self.tensors[parameter.0].axes.len() > 1;
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
        self.behind_makers(&sum_of, |gradient, _| (SquareSum.into(), vec![gradient]));
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
