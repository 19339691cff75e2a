use laptime_graph::{Op, Relu, ReluGrad};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, batch_norm, pointwise::pointwise};
use crate::kernels::Function;

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

    fn link(&self, group: &Group, at: &Places) -> Task {
        if group.operations.len() == 1 {
            return pointwise(group, at, Function::ReluGrad);
        }
        let norm = group.find(|op| matches!(op, Op::BatchNormGrad(_)));
        let norm = norm.expect("what follows ReLU's gradient is a batch norm's");
        batch_norm::gradient(group, at, norm, Some(group.main))
    }
}
