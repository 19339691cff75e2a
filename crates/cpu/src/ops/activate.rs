use laptime_graph::{Activate, ActivateGrad};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, pointwise::pointwise};
use crate::kernels::Function;

impl CpuOp for Activate {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.value_by_value()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        pointwise(group, at, Function::Activate(self.0))
    }
}

impl CpuOp for ActivateGrad {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.value_by_value()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        pointwise(group, at, Function::ActivateGrad(self.0))
    }
}
