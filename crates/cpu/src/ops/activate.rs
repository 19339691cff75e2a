use laptime_graph::{Activate, ActivateGrad};

use super::{CpuOp, Group, Places, Task, pointwise::pointwise};
use crate::kernels::Function;

impl CpuOp for Activate {
    fn link(&self, group: &Group, at: &Places) -> Task {
        pointwise(group, at, Function::Activate(self.0))
    }
}

impl CpuOp for ActivateGrad {
    fn link(&self, group: &Group, at: &Places) -> Task {
        pointwise(group, at, Function::ActivateGrad(self.0))
    }
}
