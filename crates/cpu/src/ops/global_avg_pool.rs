use laptime_graph::{GlobalAvgPool, GlobalAvgPoolGrad};

use super::{CpuOp, Group, Places, Task};
use crate::kernels;

impl CpuOp for GlobalAvgPool {
    fn link(&self, group: &Group, at: &Places) -> Task {
        Task::GlobalAvgPool(kernels::GlobalAvgPool {
            x: at.images(group.main.inputs[0]),
            y: at.matrix(group.last().outputs[0]),
        })
    }
}

impl CpuOp for GlobalAvgPoolGrad {
    fn link(&self, group: &Group, at: &Places) -> Task {
        Task::GlobalAvgPoolGrad(kernels::GlobalAvgPoolGrad {
            dy: at.matrix(group.main.inputs[0]),
            dx: at.images(group.last().outputs[0]),
        })
    }
}
