use laptime_graph::Add;

use super::{CpuOp, Group, Places, Task, pointwise::pointwise};
use crate::kernels::Function;

impl CpuOp for Add {
    fn link(&self, group: &Group, at: &Places) -> Task {
        pointwise(group, at, Function::Add)
    }
}
