use laptime_graph::{Axes, INPUTS, OUTPUTS, Op, Round, TensorId};

use super::{
    Arranging, CpuOp, Cut, Group, Places, Task,
    arranging::sixteen,
    dense::{makes_logits, partials_are_small},
    pointwise::pointwise,
    update::grid,
};
use crate::{
    extents::is_weight,
    kernels::{Function, RoundWeights},
};

impl CpuOp for Round {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        let (x, y) = (at.main().inputs[0], at.main().outputs[0]);
        if !is_weight(at.program, x) {
            return at.by_columns();
        }
        let axis = reader_axis(at, y);
        vec![at.sliced(x, axis, |_| sixteen(axis))]
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (from, to) = (group.main.inputs[0], group.main.outputs[0]);
        if !is_weight(at.program, from) {
            return pointwise(group, at, Function::Round);
        }
        Task::RoundWeights(RoundWeights {
            from: at.place(from),
            to: at.place(to),
            grid: grid(group, at, to),
        })
    }

    fn is_main(&self) -> bool {
        false
    }
}

/// The axis along which the product that reads these rounded weights first is likely cut.
fn reader_axis(at: &Arranging, rounded: TensorId) -> Axes {
    let Some(reader) = at.uses.readers(rounded).first() else {
        return OUTPUTS;
    };
    let reader = at.program.operation(*reader);
    match reader.op {
        Op::Dense(_) if makes_logits(at, reader) && partials_are_small(at, rounded) => INPUTS,
        Op::Conv2dGradInput(_) => INPUTS,
        _ => OUTPUTS,
    }
}
