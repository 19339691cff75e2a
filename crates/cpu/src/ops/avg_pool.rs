use laptime_graph::{AvgPool, AvgPoolGrad};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, pool};
use crate::{kernels::Pool, segments::windows};

impl CpuOp for AvgPool {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        pool::cuts(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (x, y) = (group.main.inputs[0], group.last().outputs[0]);
        Task::Pool(Pool {
            tiles: group.tiles(y),
            x: at.images(x),
            y: at.images(y),
            windows: windows(&self.window, at.shape(x), at.shape(y)),
            mean: true,
        })
    }
}

impl CpuOp for AvgPoolGrad {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        pool::gradient_cuts(at, &self.window)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (dy, dx) = (group.main.inputs[0], group.last().outputs[0]);
        let windows = windows(&self.window, at.shape(dx), at.shape(dy));
        pool::gradient(group, at, None, dy, windows)
    }
}
