use laptime_graph::{Adam, AdamW, Operation};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, update};
use crate::kernels::{self, GradientUse};

impl CpuOp for Adam {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        update::cuts(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        update::update(group, at, Some(group.main.inputs[0]), None)
    }

    fn gradient_use(&self, own: &Operation, at: &Places) -> GradientUse {
        adam(*self, false, own, at)
    }
}

impl CpuOp for AdamW {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        update::cuts(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        update::update(group, at, Some(group.main.inputs[0]), None)
    }

    fn gradient_use(&self, own: &Operation, at: &Places) -> GradientUse {
        adam(self.adam, true, own, at)
    }
}

fn adam(constants: Adam, decays: bool, own: &Operation, at: &Places) -> GradientUse {
    GradientUse::Adam(kernels::Adam {
        constants,
        decays,
        parameter: at.place(own.inputs[1]),
        first_moment: at.place(own.inputs[2]),
        second_moment: at.place(own.inputs[3]),
    })
}
