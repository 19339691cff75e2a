//! Transposed convolutions, by the kernels of convolutions: the gradient of an input makes the value, and the value the
//! gradient.

use laptime_graph::{
    Conv2d, Conv2dGradInput, Conv2dTranspose, Conv2dTransposeGradInput, Operation, Program,
    Simplification,
};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, conv2d::zero_bytes};
use crate::segments::check_reach;

fn forward(op: &Conv2dTranspose) -> Conv2dGradInput {
    Conv2dGradInput { window: op.window }
}

fn backward(op: &Conv2dTransposeGradInput) -> Conv2d {
    Conv2d { window: op.window }
}

impl CpuOp for Conv2dTranspose {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        forward(self).cuts(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        forward(self).link(group, at)
    }

    fn scratch_bytes(&self, own: &Operation, program: &Program, by_winograd: bool) -> usize {
        forward(self).scratch_bytes(own, program, by_winograd)
    }

    fn zero_bytes(&self, own: &Operation, program: &Program, taken: &[Simplification]) -> usize {
        let images = [own.outputs[0], own.inputs[0]];
        zero_bytes(&self.window, program, images, taken)
    }

    fn check_reach(&self, own: &Operation, program: &Program) -> Result<(), String> {
        check_reach(program, [own.outputs[0], own.inputs[1], own.inputs[0]])
    }

    fn has_bf16_kernel(&self) -> bool {
        true
    }
}

impl CpuOp for Conv2dTransposeGradInput {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        backward(self).cuts(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        backward(self).link(group, at)
    }

    fn scratch_bytes(&self, own: &Operation, program: &Program, by_winograd: bool) -> usize {
        backward(self).scratch_bytes(own, program, by_winograd)
    }
}
