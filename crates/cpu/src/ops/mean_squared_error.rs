use laptime_graph::{MeanSquaredError, MeanSquaredErrorGrad, Op};

use super::{Arranging, CpuOp, Cut, Group, Places, Task};
use crate::kernels;

impl CpuOp for MeanSquaredError {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.by_each_thread()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        loss(group, at, self.divisor)
    }
}

impl CpuOp for MeanSquaredErrorGrad {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.by_each_thread()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        loss(group, at, self.divisor)
    }
}

/// The loss, its gradient, or both.
fn loss(group: &Group, at: &Places, divisor: f32) -> Task {
    let gradient = group.find(|op| matches!(op, Op::MeanSquaredErrorGrad(_)));
    let loss = group.find(|op| matches!(op, Op::MeanSquaredError(_)));
    let mean_of = gradient.and_then(|own| match own.op {
        Op::MeanSquaredErrorGrad(op) => op.mean_of,
        _ => None,
    });
    let y = at.matrix(at.program.logits);
    Task::MeanSquaredError(kernels::MeanSquaredError {
        column: at.column(group.main.inputs[1]),
        divisor,
        y,
        mean_of: mean_of.unwrap_or(y.rows),
        gradient: gradient.map(|operation| at.matrix(operation.outputs[0])),
        loss_sum: loss.map(|operation| at.place(operation.outputs[0])),
    })
}
