use laptime_graph::Zeros;

use super::{Arranging, CpuOp, Cut, Group, Places, Task, update};

impl CpuOp for Zeros {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        update::cuts(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        update::update(group, at, None, None)
    }
}
