use laptime_graph::{Operation, Sgd};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, update};
use crate::kernels::{self, GradientUse};

impl CpuOp for Sgd {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        update::cuts(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        update::update(group, at, Some(group.main.inputs[0]), None)
    }

    fn gradient_use(&self, own: &Operation, at: &Places) -> GradientUse {
        GradientUse::Sgd(kernels::Sgd {
            constants: *self,
            parameter: at.place(own.inputs[1]),
            velocity: at.place(own.inputs[2]),
        })
    }
}
