use laptime_graph::{Adam, Operation};

use super::{Arranging, CpuOp, Cut, Group, Places, update};
use crate::kernels::{self, GradientUse, Task};

impl CpuOp for Adam {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        update::cuts(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        update::update(group, at, Some(group.main.inputs[0]))
    }

    fn gradient_use(&self, own: &Operation, at: &Places) -> GradientUse {
        GradientUse::Adam(kernels::Adam {
            learning_rate: self.learning_rate,
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            parameter: at.place(own.inputs[1]),
            first_moment: at.place(own.inputs[2]),
            second_moment: at.place(own.inputs[3]),
        })
    }
}
