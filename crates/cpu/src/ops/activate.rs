use laptime_graph::{Activate, ActivateGrad, Activation, Op, TensorId};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, batch_norm, pointwise::pointwise};
use crate::kernels::{self, Function, Operands};

impl CpuOp for Activate {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.value_by_value()
    }

    fn ends_with_sums(&self, _: &Op) -> bool {
        self.0 == Activation::Relu
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
        operations == 1
    }

    /// In registers there is ReLU's gradient alone; any other is made of what was stored, and so are the sums then.
    fn ends_with_sums(&self, main: &Op) -> bool {
        self.0 == Activation::Relu || matches!(main, Op::ActivateGrad(_) | Op::Conv2dGradInput(_))
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (inputs, dx) = (&group.main.inputs, group.main.outputs[0]);
        if self.0 != Activation::Relu {
            let [kept, dy] = [inputs[0], inputs[1]];
            return alone(group, at, self.0, Operands::Backward { kept, dy, dx });
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
        let sums = batch_norm::left_sums(at, made);
        let operands = operands.map(|id| at.images(id));
        return Task::ImageActivate(kernels::Activate {
            activation,
            tiles,
            operands,
            sums,
        });
    }
    Task::Activate(kernels::Activate {
        activation,
        tiles,
        operands: operands.map(|id| at.matrix(id)),
        sums: None,
    })
}
