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
    Task::MeanSquaredError(kernels::MeanSquaredError {
        column: at.column(group.main.inputs[1]),
        divisor,
        y: at.matrix(at.program.logits),
        gradient: gradient.map(|operation| at.matrix(operation.outputs[0])),
        loss_sum: loss.map(|operation| at.place(operation.outputs[0])),
    })
}
