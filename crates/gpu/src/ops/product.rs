//! Products: dense layers and convolutions, and their gradients, all as one tiled matrix product
//! whose operands are read through functions (an implicit GEMM: no image is ever unrolled into
//! memory).
//!
//! C (m, n) = Σₖ A (m, k) · B (k, n). A workgroup makes a tile of C, taking a piece of the sum at a
//! time into workgroup memory; a thread has a few rows and columns of it in registers.

use std::fmt::Write;

use laptime_graph::{OpId, Operation, Program, TensorId};

use super::{Form, form};
use crate::{
    shader::Shader,
    tiles::{Product, Tile},
};

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

/// How an operand is read.
pub(crate) struct Operand {
    /// A body that returns the value at (`p`, `k0` + `kk`): p is the place along the result, k0
    /// the same for all threads.
    pub(super) body: String,
    /// Whether neighbours along the sum are neighbours in memory, and so should be neighbouring
    /// threads'.
    pub(super) sum_is_contiguous: bool,
}

impl Operand {
    /// A tensor that is read at an index of `p` and `k`.
    pub(super) fn plain(
        shader: &mut Shader,
        id: TensorId,
        index: &str,
        sum_is_contiguous: bool,
    ) -> Self {
        Self {
            body: format!("let k = k0 + kk;\nreturn {};\n", shader.value(id, index)),
            sum_is_contiguous,
        }
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
    shader.function(format!(
        "fn store(m: u32, n: u32, made: f32, group: vec3<u32>) {{\n\
         if m >= {m}u || n >= {n}u {{ return; }}\n\
         {index}var v = made;\n{store}}}\n"
    ));
    body(&product, tile, &a, &b)
}

fn function(name: &str, body: &str) -> String {
    format!("fn {name}(p: u32, k0: u32, kk: u32) -> f32 {{\n{body}}}\n")
}

/// The loop over the sum, the same for all products.
fn body(product: &Product, tile: Tile, a: &Operand, b: &Operand) -> String {
    let Product { m, n, k, .. } = *product;
    let threads = tile.threads();
    // One more than the tile, so that threads that go along the sum write to different banks.
    let (a_stride, b_stride) = (tile.m + 1, tile.n + 1);
    let columns = tile.n / tile.thread_n;
    let [across, down] = product.tiles();
    let mut text = format!(
        "var<workgroup> a_tile: array<f32, {}>;\nvar<workgroup> b_tile: array<f32, {}>;\n\
         @compute @workgroup_size({threads})\n\
         fn main(@builtin(workgroup_id) group: vec3<u32>, \
         @builtin(num_workgroups) groups: vec3<u32>, \
         @builtin(local_invocation_index) thread: u32) {{\n\
         let block = group.y * groups.x + group.x;\n\
         if block >= {}u {{ return; }}\n\
         let m0 = block / {across}u * {}u;\nlet n0 = block % {across}u * {}u;\n\
         let row = thread / {columns}u * {}u;\nlet column = thread % {columns}u;\n",
        tile.k * a_stride,
        tile.k * b_stride,
        across * down,
        tile.m,
        tile.n,
        tile.thread_m,
    );
    for_each(tile, |i, j| writeln!(text, "var c{i}_{j} = 0.0;"));
    let split_k = product.split_k();
    let end = if product.splits > 1 {
        format!("min({k}u, (group.z + 1u) * {split_k}u)")
    } else {
        format!("{k}u")
    };
    let begin = if product.splits > 1 {
        format!("group.z * {split_k}u")
    } else {
        "0u".into()
    };
    let _ = writeln!(
        text,
        "let k_end = {end};\nfor (var k0 = {begin}; k0 < k_end; k0 += {}u) {{",
        tile.k
    );
    let load = |name: &str, operand: &Operand, width: usize, stride: usize, whole: bool| {
        let (place, along) = if operand.sum_is_contiguous {
            (format!("at / {}u", tile.k), format!("at % {}u", tile.k))
        } else {
            (format!("at % {width}u"), format!("at / {width}u"))
        };
        let (start, limit) = if name == "a" { ("m0", m) } else { ("n0", n) };
        let mut guards = Vec::new();
        if !whole {
            guards.push(format!("{start} + place < {limit}u"));
        }
        if !k.is_multiple_of(tile.k) {
            guards.push("k0 + kk < k_end".into());
        }
        let read = format!("value = {name}_at({start} + place, k0, kk);");
        let guarded = match guards.join(" && ") {
            guard if guard.is_empty() => read,
            guard => format!("if {guard} {{ {read} }}"),
        };
        format!(
            "for (var at = thread; at < {}u; at += {threads}u) {{\n\
             let place = {place};\nlet kk = {along};\nvar value = 0.0;\n{guarded}\n\
             {name}_tile[kk * {stride}u + place] = value;\n}}\n",
            width * tile.k
        )
    };
    text += &load("a", a, tile.m, a_stride, m.is_multiple_of(tile.m));
    text += &load("b", b, tile.n, b_stride, n.is_multiple_of(tile.n));
    let _ = write!(
        text,
        "workgroupBarrier();\nfor (var kk = 0u; kk < {}u; kk++) {{\n",
        tile.k
    );
    for i in 0..tile.thread_m {
        let _ = writeln!(text, "let a{i} = a_tile[kk * {a_stride}u + row + {i}u];");
    }
    for j in 0..tile.thread_n {
        let _ = writeln!(
            text,
            "let b{j} = b_tile[kk * {b_stride}u + column + {}u];",
            j * columns
        );
    }
    for_each(tile, |i, j| {
        writeln!(text, "c{i}_{j} = fma(a{i}, b{j}, c{i}_{j});")
    });
    text += "}\nworkgroupBarrier();\n}\n";
    for_each(tile, |i, j| {
        let n = j * columns;
        writeln!(
            text,
            "store(m0 + row + {i}u, n0 + column + {n}u, c{i}_{j}, group);"
        )
    });
    text + "}\n"
}

fn for_each(tile: Tile, mut each: impl FnMut(usize, usize) -> std::fmt::Result) {
    for i in 0..tile.thread_m {
        for j in 0..tile.thread_n {
            each(i, j).expect("a string takes any text");
        }
    }
}
