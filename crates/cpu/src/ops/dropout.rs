use laptime_graph::{Dropout, DropoutGrad};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, reshape::rearrange};

impl CpuOp for Dropout {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.by_samples()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        rearrange(group, at, Some(*self))
    }
}

impl CpuOp for DropoutGrad {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.by_samples()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        rearrange(group, at, Some(self.0))
    }
}
