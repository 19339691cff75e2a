use laptime_graph::Add;

use super::{Arranging, CpuOp, Cut, Group, Places, Task, pointwise::pointwise};
use crate::kernels::Function;

impl CpuOp for Add {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.value_by_value()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        pointwise(group, at, Function::Add)
    }
}
