use laptime_graph::{AvgPool, AvgPoolGrad};

use super::{CpuOp, Group, Places, Task};
use crate::{
    kernels::{Pool, PoolGrad},
    segments::windows,
};

impl CpuOp for AvgPool {
    fn link(&self, group: &Group, at: &Places) -> Task {
        let (x, y) = (group.main.inputs[0], group.last().outputs[0]);
        Task::Pool(Pool {
            x: at.images(x),
            y: at.images(y),
            windows: windows(&self.window, at.shape(x), at.shape(y)),
            mean: true,
        })
    }
}

impl CpuOp for AvgPoolGrad {
    fn link(&self, group: &Group, at: &Places) -> Task {
        let (dy, dx) = (group.main.inputs[0], group.last().outputs[0]);
        Task::PoolGrad(PoolGrad {
            largest: None,
            dy: at.images(dy),
            dx: at.images(dx),
            windows: windows(&self.window, at.shape(dx), at.shape(dy)),
        })
    }
}
