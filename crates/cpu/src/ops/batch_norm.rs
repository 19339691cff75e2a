use laptime_graph::{BatchNorm, BatchNormEvaluation, BatchNormGrad, Op, Operation, TensorId};

use super::{Arranging, CpuOp, Cut, Group, Places, Task};
use crate::{
    kernels::{self, LeftSums, Scale, Statistics},
    memory::Place,
};

impl CpuOp for BatchNorm {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.of_sums(at.main().inputs[0])
    }

    fn sums_over(&self, own: &Operation) -> Option<TensorId> {
        Some(own.inputs[0])
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        norm(group, at)
    }
}

impl CpuOp for BatchNormEvaluation {
    fn link(&self, group: &Group, at: &Places) -> Task {
        norm(group, at)
    }
}

impl CpuOp for BatchNormGrad {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.of_sums(at.main().inputs[0])
    }

    fn sums_over(&self, own: &Operation) -> Option<TensorId> {
        Some(own.inputs[0])
    }

    fn terms_of_sums(&self, own: &Operation) -> Vec<TensorId> {
        vec![own.inputs[1], own.inputs[3], own.inputs[4]]
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        gradient(group, at, group.main, None)
    }

    fn keeps(&self, tensor: TensorId, own: &Operation, at: &Arranging) -> bool {
        // A norm that stands before all parameters makes a gradient of its input that nobody reads. Its
        // kernel stores it all the same: such images are small, and one kernel serves all.
        let is_unread = own.outputs[0] == tensor && at.uses.readers(tensor).is_empty();
        // What a convolution's gradient makes, the norm's reads again when its sums are there.
        let is_product = |one: &Operation| matches!(one.op, Op::Conv2dGradInput(_));
        is_unread || own.inputs[0] == tensor && at.operations().any(is_product)
    }
}

/// The kernel of a norm that begins a group.
fn norm(group: &Group, at: &Places) -> Task {
    if at.is_images(group.main.inputs[0]) {
        Task::ImageBatchNorm(norm_of(group, at, group.main, |id| at.images(id)))
    } else {
        Task::BatchNorm(norm_of(group, at, group.main, |id| at.matrix(id)))
    }
}

/// The kernel of a norm's gradient, behind that of ReLU where there is one.
pub(super) fn gradient(
    group: &Group,
    at: &Places,
    norm: &Operation,
    relu: Option<&Operation>,
) -> Task {
    // Its x: what flows in may never reach memory.
    if at.is_images(norm.inputs[1]) {
        let images = |id| at.images(id);
        Task::ImageBatchNormGrad(gradient_of(group, at, norm, relu, images))
    } else {
        Task::BatchNormGrad(gradient_of(group, at, norm, relu, |id| at.matrix(id)))
    }
}

/// The norm of a group, of tensors that are stored as `of` says.
pub(super) fn norm_of<T>(
    group: &Group,
    at: &Places,
    norm: &Operation,
    of: impl Fn(TensorId) -> T,
) -> kernels::BatchNorm<T> {
    let inputs = &norm.inputs;
    let (epsilon, statistics) = match norm.op {
        Op::BatchNorm(op) => {
            let statistics = Statistics::Batch {
                mean: at.place(norm.outputs[1]),
                inverse_deviation: at.place(norm.outputs[2]),
                moving_mean: at.place(inputs[3]),
                moving_variance: at.place(inputs[4]),
                momentum: op.momentum,
            };
            (op.epsilon, statistics)
        }
        Op::BatchNormEvaluation(op) => {
            let (mean, variance) = (at.place(inputs[3]), at.place(inputs[4]));
            (op.epsilon, Statistics::Moving { mean, variance })
        }
        ref op => unreachable!("{op} is not a batch norm"),
    };
    kernels::BatchNorm {
        x: of(inputs[0]),
        y: of(group.stored()),
        scale: scale(at, norm, epsilon),
        other: group.other().map(&of),
        epilogue: group.epilogue(&of),
        round: group.rounds(),
        statistics,
        sums: left_to(group, at, norm),
        // What reaches memory: where ReLU follows, that is no longer what the norm itself makes.
        tiles: group.tiles(group.last().outputs[0]),
    }
}

/// The sums that were left to a norm that begins its group.
fn left_to(group: &Group, at: &Places, norm: &Operation) -> Option<Place> {
    let begins = std::ptr::eq(group.main, norm);
    at.sums(norm.inputs[0]).filter(|_| begins)
}

/// The sums that whoever makes these images leaves, if any.
pub(super) fn left_sums(at: &Places, made: TensorId) -> Option<LeftSums> {
    let place = at.sums(made)?;
    let norm = at.norm_of_sums(made)?;
    let is_gradient = matches!(norm.op, Op::BatchNormGrad(_));
    let gradient = is_gradient.then(|| (at.images(norm.inputs[1]), at.place(norm.inputs[3])));
    Some(LeftSums { place, gradient })
}

pub(super) fn scale(at: &Places, norm: &Operation, epsilon: f64) -> Scale {
    Scale {
        weight: at.place(norm.inputs[1]),
        bias: at.place(norm.inputs[2]),
        epsilon,
    }
}

/// The gradient of a norm, behind that of ReLU where there is one.
pub(super) fn gradient_of<T>(
    group: &Group,
    at: &Places,
    norm: &Operation,
    relu: Option<&Operation>,
    of: impl Fn(TensorId) -> T,
) -> kernels::BatchNormGrad<T> {
    let [dy, x, weight, mean, inverse_deviation] = norm.inputs[..] else {
        unreachable!("a batch norm's gradient reads five tensors")
    };
    // What dx is rounded to, where it is.
    let dx = if group.rounds() {
        group.last().outputs[0]
    } else {
        norm.outputs[0]
    };
    kernels::BatchNormGrad {
        dy: of(relu.map_or(dy, |relu| relu.inputs[1])),
        relu: relu.map(|relu| of(relu.inputs[0])),
        x: of(x),
        weight: at.place(weight),
        mean: at.place(mean),
        inverse_deviation: at.place(inverse_deviation),
        dx: of(dx),
        round: group.rounds(),
        weight_gradient: at.place(norm.outputs[1]),
        bias_gradient: at.place(norm.outputs[2]),
        sums: left_to(group, at, norm),
        tiles: group.tiles(norm.outputs[1]),
    }
}
