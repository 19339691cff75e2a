use laptime_graph::{Dense, DenseGradInput, DenseGradWeight, Operation, Program, TensorId};

use super::{product::MatrixProduct, tiled::Operand};
use crate::{shader::Shader, tiles::Product};

impl MatrixProduct for Dense {
    fn extents(&self, own: &Operation, program: &Program) -> [usize; 3] {
        let [rows, _] = matrix(program, own.inputs[0]);
        let [outputs, inputs] = matrix(program, own.inputs[1]);
        [rows, outputs, inputs]
    }

    fn operands(&self, shader: &mut Shader, own: &Operation, cut: &Product) -> [Operand; 2] {
        let index = format!("p * {}u + k", cut.k);
        [
            Operand::plain(shader, own.inputs[0], &index, true),
            Operand::plain(shader, own.inputs[1], &index, true),
        ]
    }
}

impl MatrixProduct for DenseGradInput {
    fn extents(&self, own: &Operation, program: &Program) -> [usize; 3] {
        let [rows, _] = matrix(program, own.inputs[0]);
        let [outputs, inputs] = matrix(program, own.inputs[1]);
        [rows, inputs, outputs]
    }

    fn operands(&self, shader: &mut Shader, own: &Operation, cut: &Product) -> [Operand; 2] {
        let (of_dy, of_w) = (format!("p * {}u + k", cut.k), format!("k * {}u + p", cut.n));
        [
            Operand::plain(shader, own.inputs[0], &of_dy, true),
            Operand::plain(shader, own.inputs[1], &of_w, false),
        ]
    }
}

impl MatrixProduct for DenseGradWeight {
    fn extents(&self, own: &Operation, program: &Program) -> [usize; 3] {
        let [rows, _] = matrix(program, own.inputs[0]);
        let [outputs, inputs] = matrix(program, own.outputs[0]);
        [outputs, inputs, rows]
    }

    fn operands(&self, shader: &mut Shader, own: &Operation, cut: &Product) -> [Operand; 2] {
        let (of_dy, of_x) = (format!("k * {}u + p", cut.m), format!("k * {}u + p", cut.n));
        [
            Operand::plain(shader, own.inputs[1], &of_dy, false),
            Operand::plain(shader, own.inputs[0], &of_x, false),
        ]
    }
}

fn matrix(program: &Program, id: TensorId) -> [usize; 2] {
    let shape = &program.tensor(id).shape;
    [shape[0], shape[1]]
}
