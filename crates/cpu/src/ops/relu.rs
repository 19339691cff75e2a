use laptime_graph::{Op, Relu, ReluGrad};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, batch_norm, pointwise::pointwise};
use crate::{
    kernels::{Function, MaskedGrad},
    memory::Place,
};

impl CpuOp for Relu {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.value_by_value()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        pointwise(group, at, Function::Relu)
    }
}

impl CpuOp for ReluGrad {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.value_by_value()
    }

    fn leaves_sums(&self, operations: usize) -> bool {
        operations == 1
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        if let Some(sums) = at.sums(group.last().outputs[0]) {
            return masked(group, at, sums);
        }
        if group.operations.len() == 1 {
            return pointwise(group, at, Function::ReluGrad);
        }
        let norm = group.find(|op| matches!(op, Op::BatchNormGrad(_)));
        let norm = norm.expect("what follows ReLU's gradient is a batch norm's");
        batch_norm::gradient(group, at, norm, Some(group.main))
    }
}

/// The kernel that leaves sums for the gradient of a norm.
fn masked(group: &Group, at: &Places, sums: Place) -> Task {
    let (inputs, to) = (&group.main.inputs, group.main.outputs[0]);
    let norm = at.norm_of_sums(to).expect("sums are left for a norm");
    Task::MaskedGrad(MaskedGrad {
        relu: at.images(inputs[0]),
        dy: at.images(inputs[1]),
        to: at.images(to),
        x: at.images(norm.inputs[1]),
        mean: at.place(norm.inputs[3]),
        sums,
        tiles: group.tiles(to),
    })
}
