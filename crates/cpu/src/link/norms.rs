//! Links batch norms and their gradients, of images and of rows.

use laptime_graph::{Op, Operation, TensorId};

use super::{Group, Linker};
use crate::kernels::{BatchNorm, BatchNormGrad, Scale, Statistics, Task};

impl Linker<'_> {
    pub(super) fn norm(&self, group: &Group) -> Task {
        let norm = group.main;
        if self.is_images(norm.inputs[0]) {
            Task::ImageBatchNorm(self.batch_norm(group, norm, |id| self.images(id)))
        } else {
            Task::BatchNorm(self.batch_norm(group, norm, |id| self.matrix(id)))
        }
    }

    pub(super) fn norm_gradient(
        &self,
        group: &Group,
        norm: &Operation,
        relu: Option<&Operation>,
    ) -> Task {
        // Its x: what flows in may never reach memory.
        if self.is_images(norm.inputs[1]) {
            let norm = self.batch_norm_grad(group, norm, relu, |id| self.images(id));
            Task::ImageBatchNormGrad(norm)
        } else {
            Task::BatchNormGrad(self.batch_norm_grad(group, norm, relu, |id| self.matrix(id)))
        }
    }

    /// The norm of a group, of tensors that are stored as `of` says.
    pub(super) fn batch_norm<T>(
        &self,
        group: &Group,
        norm: &Operation,
        of: impl Fn(TensorId) -> T,
    ) -> BatchNorm<T> {
        let inputs = &norm.inputs;
        let (epsilon, statistics) = match norm.op {
            Op::BatchNorm(op) => {
                let statistics = Statistics::Batch {
                    mean: self.place(norm.outputs[1]),
                    inverse_deviation: self.place(norm.outputs[2]),
                    moving_mean: self.place(inputs[3]),
                    moving_variance: self.place(inputs[4]),
                    momentum: op.momentum,
                };
                (op.epsilon, statistics)
            }
            Op::BatchNormEvaluation(op) => {
                let (mean, variance) = (self.place(inputs[3]), self.place(inputs[4]));
                (op.epsilon, Statistics::Moving { mean, variance })
            }
            ref op => unreachable!("{op} is not a batch norm"),
        };
        BatchNorm {
            x: of(inputs[0]),
            y: of(group.last().outputs[0]),
            scale: self.scale(norm, epsilon),
            other: group.other().map(&of),
            relu: group.relu(),
            round: group.rounds(),
            statistics,
        }
    }

    pub(super) fn scale(&self, norm: &Operation, epsilon: f64) -> Scale {
        Scale {
            weight: self.place(norm.inputs[1]),
            bias: self.place(norm.inputs[2]),
            epsilon,
        }
    }

    /// The gradient of a norm, behind that of ReLU where there is one.
    pub(super) fn batch_norm_grad<T>(
        &self,
        group: &Group,
        norm: &Operation,
        relu: Option<&Operation>,
        of: impl Fn(TensorId) -> T,
    ) -> BatchNormGrad<T> {
        let [dy, x, weight, mean, inverse_deviation] = norm.inputs[..] else {
            unreachable!("a batch norm's gradient reads five tensors")
        };
        // What dx is rounded to, where it is.
        let dx = if group.rounds() {
            group.last().outputs[0]
        } else {
            norm.outputs[0]
        };
        BatchNormGrad {
            dy: of(relu.map_or(dy, |relu| relu.inputs[1])),
            relu: relu.map(|relu| of(relu.inputs[0])),
            x: of(x),
            weight: self.place(weight),
            mean: self.place(mean),
            inverse_deviation: self.place(inverse_deviation),
            dx: of(dx),
            round: group.rounds(),
            weight_gradient: self.place(norm.outputs[1]),
            bias_gradient: self.place(norm.outputs[2]),
        }
    }
}
