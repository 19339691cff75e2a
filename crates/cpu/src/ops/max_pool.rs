use laptime_graph::{MaxPool, MaxPoolGrad};

use super::{CpuOp, Group, Places, Task};
use crate::{
    kernels::{Pool, PoolGrad},
    segments::windows,
};

impl CpuOp for MaxPool {
    fn link(&self, group: &Group, at: &Places) -> Task {
        let (x, y) = (group.main.inputs[0], group.last().outputs[0]);
        Task::Pool(Pool {
            x: at.images(x),
            y: at.images(y),
            windows: windows(&self.window, at.shape(x), at.shape(y)),
            mean: false,
        })
    }
}

impl CpuOp for MaxPoolGrad {
    fn link(&self, group: &Group, at: &Places) -> Task {
        let [x, y, dy] = group.main.inputs[..] else {
            unreachable!("a max pool's gradient reads three tensors")
        };
        Task::PoolGrad(PoolGrad {
            largest: Some((at.images(x), at.images(y))),
            dy: at.images(dy),
            dx: at.images(group.last().outputs[0]),
            windows: windows(&self.window, at.shape(x), at.shape(y)),
        })
    }
}
