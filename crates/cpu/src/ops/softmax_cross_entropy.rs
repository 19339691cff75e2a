use laptime_graph::{Op, SoftmaxCrossEntropy, SoftmaxCrossEntropyGrad};

use super::{Arranging, CpuOp, Cut, Group, Places, StoredLogits, Task};
use crate::kernels;

impl CpuOp for SoftmaxCrossEntropy {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.by_each_thread()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        loss(group, at, self.label_smoothing)
    }
}

impl CpuOp for SoftmaxCrossEntropyGrad {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.by_each_thread()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        loss(group, at, self.label_smoothing)
    }
}

/// The loss, its gradient, or both.
fn loss(group: &Group, at: &Places, label_smoothing: f64) -> Task {
    let StoredLogits {
        matrix: logits,
        partials,
    } = at.logits();
    let gradient = group.find(|op| matches!(op, Op::SoftmaxCrossEntropyGrad(_)));
    let metrics = group.find(|op| matches!(op, Op::SoftmaxCrossEntropy(_)));
    let mean_of = gradient.and_then(|own| match own.op {
        Op::SoftmaxCrossEntropyGrad(op) => op.mean_of,
        _ => None,
    });
    Task::SoftmaxCrossEntropy(kernels::SoftmaxCrossEntropy {
        column: at.column(group.main.inputs[1]),
        logits,
        partials,
        label_smoothing,
        mean_of: mean_of.unwrap_or(logits.rows),
        gradient: gradient.map(|operation| at.matrix(operation.outputs[0])),
        metrics: metrics.map(|operation| {
            (
                at.place(operation.outputs[0]),
                at.place(operation.outputs[1]),
            )
        }),
    })
}
