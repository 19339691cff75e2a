use laptime_graph::Add;

use super::{CpuOp, Group, Places, pointwise::pointwise};
use crate::kernels::{Function, Task};

impl CpuOp for Add {
    fn link(&self, group: &Group, at: &Places) -> Task {
        pointwise(group, at, Function::Add)
    }
}
