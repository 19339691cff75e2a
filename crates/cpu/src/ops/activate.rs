use laptime_graph::{Activate, ActivateGrad, Activation, Op, TensorId};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, batch_norm, pointwise::pointwise};
use crate::{
    kernels::{self, Function, MaskedGrad, Operands},
    memory::Place,
};

impl CpuOp for Activate {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.value_by_value()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        if self.0 == Activation::Relu {
            return pointwise(group, at, Function::Relu);
        }
        let [x, y] = [group.main.inputs[0], group.main.outputs[0]];
        alone(group, at, self.0, Operands::Forward { x, y })
    }
}

impl CpuOp for ActivateGrad {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.value_by_value()
    }

    fn leaves_sums(&self, operations: usize) -> bool {
        self.0 == Activation::Relu && operations == 1
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (inputs, dx) = (&group.main.inputs, group.main.outputs[0]);
        if self.0 != Activation::Relu {
            let [kept, dy] = [inputs[0], inputs[1]];
            return alone(group, at, self.0, Operands::Backward { kept, dy, dx });
        }
        if let Some(sums) = at.sums(group.last().outputs[0]) {
            return masked(group, at, sums);
        }
        if group.operations.len() == 1 {
            return pointwise(group, at, Function::ReluGrad);
        }
        let norm = group.find(|op| matches!(op, Op::BatchNormGrad(_)));
        let norm = norm.expect("what follows ReLU's gradient is a batch norm's");
        batch_norm::gradient(group, at, norm, Some(group.main))
    }
}

/// The kernel of an activation, or of its gradient, that stands alone.
fn alone(group: &Group, at: &Places, activation: Activation, operands: Operands<TensorId>) -> Task {
    let made = operands.made();
    let tiles = group.tiles(made);
    if at.is_images(made) {
        let operands = operands.map(|id| at.images(id));
        return Task::ImageActivate(kernels::Activate {
            activation,
            tiles,
            operands,
        });
    }
    Task::Activate(kernels::Activate {
        activation,
        tiles,
        operands: operands.map(|id| at.matrix(id)),
    })
}

/// The kernel that leaves sums for the gradient of a norm.
fn masked(group: &Group, at: &Places, sums: Place) -> Task {
    let (inputs, to) = (&group.main.inputs, group.main.outputs[0]);
    let norm = at.norm_of_sums(to).expect("sums are left for a norm");
    Task::MaskedGrad(MaskedGrad {
        relu: at.images(inputs[0]),
        dy: at.images(inputs[1]),
        to: at.images(to),
        x: at.images(norm.inputs[1]),
        mean: at.place(norm.inputs[3]),
        sums,
        tiles: group.tiles(to),
    })
}
