//! Products: dense layers and convolutions, and their gradients, all as one tiled matrix product
//! whose operands are read through functions (an implicit GEMM: no image is ever unrolled into
//! memory).
//!
//! C (m, n) = Σₖ A (m, k) · B (k, n); `tiled` has the loops.

use laptime_graph::{OpId, Operation, Program};

use super::{
    Form, form,
    tiled::{self, Operand},
};
use crate::{shader::Shader, tiles::Product};

/// What multiplies two operands.
pub(crate) trait MatrixProduct {
    /// Rows and columns of the result, and the terms of each sum.
    fn extents(&self, own: &Operation, program: &Program) -> [usize; 3];

    /// Whether each sum may be cut into partial ones, which whoever reads the result adds up.
    fn may_split(&self) -> bool {
        false
    }

    /// A (m, k) and B (k, n).
    fn operands(&self, shader: &mut Shader, own: &Operation, cut: &Product) -> [Operand; 2];

    /// Statements that name the place `i` of the result's value at (m, n) in memory.
    fn result_index(&self, _shader: &Shader, _own: &Operation, n: usize) -> String {
        format!("let i = m * {n}u + n;\n")
    }

    /// The taps that live, where it slides a window.
    fn live_taps(&self, _own: &Operation, _program: &Program) -> Option<LiveTaps> {
        None
    }
}

/// Of a window, the taps that meet the image: see [`crate::tiles::live_rectangle`].
pub(crate) struct LiveTaps {
    /// Rows and columns of the whole window.
    pub(crate) kernel: [usize; 2],
    /// First and count along rows, then along columns.
    pub(crate) rectangle: [[usize; 2]; 2],
}

impl LiveTaps {
    pub(crate) fn count(&self) -> usize {
        let [rows, columns] = self.rectangle;
        rows[1] * columns[1]
    }
}

/// The product that an operation is, cut, if it is one.
pub(crate) fn of(program: &Program, id: OpId) -> Option<Product> {
    let own = program.operation(id);
    match form(&own.op) {
        Form::Product(op) => Some(cut(program, own, op)),
        _ => None,
    }
}

/// A product, cut.
pub(crate) fn cut(program: &Program, own: &Operation, op: &dyn MatrixProduct) -> Product {
    Product::of(op.extents(own, program), op.may_split())
}

pub(crate) fn text(shader: &mut Shader, place: usize, op: &dyn MatrixProduct) -> String {
    let own = shader.operation(place);
    let product = cut(shader.program, own, op);
    let output = own.outputs[0];
    let [a, b] = op.operands(shader, own, &product);
    shader.function(function("a_at", &a.body));
    shader.function(function("b_at", &b.body));
    let Product { m, n, tile, .. } = product;
    let index = op.result_index(shader, own, n);
    let store = if product.splits > 1 {
        let stored = shader.program.tensor(output).elements();
        format!("{}[group.z * {stored}u + i] = v;\n", shader.tensor(output))
    } else {
        shader.chain(place)
    };
    let mut beyond = Vec::new();
    if !m.is_multiple_of(tile.m) {
        beyond.push(format!("m >= {m}u"));
    }
    if !n.is_multiple_of(tile.n) {
        beyond.push(format!("n >= {n}u"));
    }
    let guard = match beyond.join(" || ") {
        none if none.is_empty() => none,
        some => format!("if {some} {{ return; }}\n"),
    };
    shader.function(format!(
        "fn store(m: u32, n: u32, made: f32, group: vec3<u32>) {{\n\
         {guard}{index}var v = made;\n{store}}}\n"
    ));
    tiled::text(&product, &a, &b)
}

fn function(name: &str, body: &str) -> String {
    format!("fn {name}(p: u32, k0: u32, kk: u32) -> f32 {{\n{body}}}\n")
}
