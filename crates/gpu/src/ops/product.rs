//! Products: dense layers and convolutions, and their gradients, all as one tiled matrix product
//! whose operands are read through functions (an implicit GEMM: no image is ever unrolled into
//! memory).
//!
//! C (m, n) = Σₖ A (m, k) · B (k, n); `tiled` has the loops.

use laptime_graph::{OpId, Operation, Program, Role, TensorId, Uses};

use super::{
    Form,
    chain::Chain,
    cooperative, form,
    tiled::{self, Operand},
};
use crate::{
    shader::Shader,
    target::Matrices,
    tiles::{Product, Readers},
};

/// What multiplies two operands.
pub(crate) trait MatrixProduct {
    /// Rows and columns of the result, and the terms of each sum.
    fn extents(&self, own: &Operation, program: &Program) -> [usize; 3];

    /// Whether an update reads the result, or what leads to one: it adds up as many partial sums as there are.
    fn makes_gradient_of_weights(&self) -> bool {
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
pub(crate) fn of(program: &Program, uses: &Uses, own: &Operation) -> Option<Product> {
    match form(&own.op) {
        Form::Product(op) => Some(cut(program, uses, own, op)),
        _ => None,
    }
}

/// Whether any product of a Program is made by these matrices.
pub(crate) fn has_use_for(matrices: Matrices, program: &Program) -> bool {
    let uses = Uses::of(program);
    program.operations.iter().any(|own| {
        let product = of(program, &uses, own);
        product.is_some_and(|product| cooperative::takes(matrices, program, own, &product))
    })
}

/// A product, cut.
pub(crate) fn cut(
    program: &Program,
    uses: &Uses,
    own: &Operation,
    op: &dyn MatrixProduct,
) -> Product {
    let readers = match op.makes_gradient_of_weights() {
        true => Readers::AddAll,
        false if is_for_norms(program, uses, own.outputs[0]) => Readers::AddFew,
        false => Readers::WantWhole,
    };
    Product::of(op.extents(own, program), readers)
}

/// Whether norms alone read what a product makes, or their gradients, be it behind a bias or ReLU's gradient.
/// They read each value once, so they may as well add it up.
fn is_for_norms(program: &Program, uses: &Uses, made: TensorId) -> bool {
    let are_norms = |id: TensorId| {
        let readers = uses.readers(id);
        let is_norm = |id: &OpId| {
            let form = form(&program.operation(*id).op);
            matches!(form, Form::Norm(_) | Form::NormGrad)
        };
        !readers.is_empty() && readers.iter().all(is_norm)
    };
    match *uses.readers(made) {
        _ if program.tensor(made).role.is_kept() || made == program.logits => false,
        [one] => {
            let reader = program.operation(one);
            let is_gradient = matches!(
                program.tensor(reader.outputs[0]).role,
                Role::Gradient { .. }
            );
            let goes_on = match form(&reader.op) {
                Form::Each(op) => op.adds() || reader.op.cuts_off() && is_gradient,
                _ => false,
            };
            are_norms(if goes_on { reader.outputs[0] } else { made })
        }
        _ => are_norms(made),
    }
}

pub(crate) fn text(shader: &mut Shader, place: usize, op: &dyn MatrixProduct) -> String {
    let own = shader.operation(place);
    let product = cut(shader.program, shader.uses, own, op);
    let by_matrices = cooperative::takes(shader.target.matrices, shader.program, own, &product);
    let seen = match by_matrices {
        true => cooperative::in_pieces(&product),
        false => product,
    };
    let [a, b] = op.operands(shader, own, &seen);
    shader.function(function("a_at", &a));
    shader.function(function("b_at", &b));
    let index = op.result_index(shader, own, product.n);
    let chain = shader.chain_of_vector(place);
    let pair = chain.packed.map(|id| shader.store_pair(id, ["first", "v"]));
    shader.function(store(&product, &index, &chain, pair.as_deref()));
    match by_matrices {
        true => cooperative::text(shader, &product, &a, &b),
        false => tiled::text(&product, &a, &b),
    }
}

/// The function that takes neighbouring values of a row that a thread has made through the chain, and stores each pair of
/// them, where the chain leaves that to do.
fn store(product: &Product, index: &str, chain: &Chain, pair: Option<&str>) -> String {
    let Product { m, n, tile, .. } = *product;
    let guard = |is_whole: bool, condition: &str, statements: String| match is_whole {
        true => format!("{{ {statements}}}\n"),
        false => format!("if {condition} {{ {statements}}}\n"),
    };
    let is_whole = n.is_multiple_of(tile.n);
    let values = tile.thread_n;
    let of_all = |statements: &dyn Fn(usize) -> String| -> String {
        let places = 0..values;
        places
            .map(|j| guard(is_whole, &format!("n + {j}u < {n}u"), statements(j)))
            .collect()
    };
    let mut declare = String::new();
    for j in 0..values {
        declare += &format!("var i{j} = 0u;\n");
        for (name, _) in &chain.reads {
            declare += &format!("var {name}{j} = 0.0;\n");
        }
    }
    let read = of_all(&|j| {
        let reads = chain.reads.iter();
        let reads: String = reads
            .map(|(name, value)| format!("{name}{j} = {value};\n"))
            .collect();
        format!("let n = n + {j}u;\n{index}i{j} = i;\n{reads}")
    });
    let take = of_all(&|j| {
        let reads = chain.reads.iter();
        let names: String = reads
            .map(|(name, _)| format!("let {name} = {name}{j};\n"))
            .collect();
        let text = &chain.text;
        let pair = match (pair, j % 2) {
            (None, _) => "",
            (Some(_), 0) => "first = v;\n",
            (Some(store), _) => store,
        };
        format!("let i = i{j};\n{names}var v = made[{j}];\n{text}{pair}")
    });
    if pair.is_some() {
        declare += "var first = 0.0;\n";
    }
    let body = format!("{declare}{read}{take}");
    format!(
        "fn store(m: u32, n: u32, made: vec{values}<f32>, group: vec3<u32>) {{\n{}}}\n",
        guard(m.is_multiple_of(tile.m), &format!("m < {m}u"), body)
    )
}

fn function(name: &str, operand: &Operand) -> String {
    let (kind, body) = (operand.kind(), &operand.body);
    format!("fn {name}(p: u32, k0: u32, kk: u32) -> {kind} {{\n{body}}}\n")
}
