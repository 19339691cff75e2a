use laptime_graph::{MaxPool, MaxPoolGrad};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, pool};
use crate::{kernels::Pool, segments::windows};

impl CpuOp for MaxPool {
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
            mean: false,
        })
    }
}

impl CpuOp for MaxPoolGrad {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        pool::gradient_cuts(at, &self.window)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let [x, y, dy] = group.main.inputs[..] else {
            unreachable!("a max pool's gradient reads three tensors")
        };
        let windows = windows(&self.window, at.shape(x), at.shape(y));
        pool::gradient(group, at, Some((x, y)), dy, windows)
    }
}
