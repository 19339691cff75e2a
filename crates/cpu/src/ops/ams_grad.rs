use laptime_graph::AmsGrad;

use super::{Arranging, CpuOp, Cut, Group, Places, Task, update};
use crate::kernels;

impl CpuOp for AmsGrad {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        update::cuts(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let [gradient, parameter, first_moment, second_moment, largest] = group.main.inputs[..]
        else {
            unreachable!("AMSGrad has three moments")
        };
        Task::AmsGrad(kernels::AmsGrad {
            constants: self.adam,
            decays: self.weight_decay.is_some(),
            gradient: at.place(gradient),
            parameter: at.place(parameter),
            first_moment: at.place(first_moment),
            second_moment: at.place(second_moment),
            largest: at.place(largest),
            grid: update::grid(group, at, parameter),
        })
    }
}
