//! Transposed convolutions: the products of convolutions, the other way round.

use laptime_graph::{
    Conv2d, Conv2dGradInput, Conv2dTranspose, Conv2dTransposeGradInput, Operation, Program,
};

use super::{
    product::{LiveTaps, MatrixProduct},
    tiled::Operand,
};
use crate::{shader::Shader, tiles::Product};

fn forward(op: &Conv2dTranspose) -> Conv2dGradInput {
    Conv2dGradInput { window: op.window }
}

fn backward(op: &Conv2dTransposeGradInput) -> Conv2d {
    Conv2d { window: op.window }
}

impl MatrixProduct for Conv2dTranspose {
    fn extents(&self, own: &Operation, program: &Program) -> [usize; 3] {
        forward(self).extents(own, program)
    }

    fn operands(&self, shader: &mut Shader, own: &Operation, cut: &Product) -> [Operand; 2] {
        forward(self).operands(shader, own, cut)
    }

    fn live_taps(&self, own: &Operation, program: &Program) -> Option<LiveTaps> {
        forward(self).live_taps(own, program)
    }
}

impl MatrixProduct for Conv2dTransposeGradInput {
    fn extents(&self, own: &Operation, program: &Program) -> [usize; 3] {
        backward(self).extents(own, program)
    }

    fn operands(&self, shader: &mut Shader, own: &Operation, cut: &Product) -> [Operand; 2] {
        backward(self).operands(shader, own, cut)
    }

    fn live_taps(&self, own: &Operation, program: &Program) -> Option<LiveTaps> {
        backward(self).live_taps(own, program)
    }
}
