use laptime_graph::RmsProp;

use super::{Arranging, CpuOp, Cut, Group, Places, Task, update};
use crate::kernels;

impl CpuOp for RmsProp {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        update::cuts(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let [gradient, parameter, second_moment] = group.main.inputs[..] else {
            unreachable!("RMSprop has one moment")
        };
        Task::RmsProp(kernels::RmsProp {
            constants: *self,
            gradient: at.place(gradient),
            parameter: at.place(parameter),
            second_moment: at.place(second_moment),
            grid: update::grid(group, at, parameter),
        })
    }
}
