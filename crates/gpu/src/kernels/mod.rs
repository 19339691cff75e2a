//! WGSL for every kernel of a Schedule, with shapes and tiles as constants in it.
//!
//! Kernels are made of few forms: products (`product.rs`), one value a thread (`map.rs`), sums over
//! channels (`norm.rs`, `sums.rs`), the loss (`loss.rs`), and updates of many parameters at once
//! (`update.rs`). What is fused behind any of the first two is in `chain.rs`.
//!
//! Nothing adds floating-point numbers atomically: a sum's order is part of the text.

mod chain;
mod loss;
mod map;
mod norm;
mod product;
mod shader;
mod sums;
mod update;

use laptime_graph::{
    Op, OpId, Program, TensorId,
    schedule::{Kernel, Schedule},
};

use crate::lower::Product;
use shader::Shader;
pub(crate) use shader::{Binding, SampleChunks};

/// Threads of a workgroup: what every adapter has.
pub(crate) const THREADS: usize = 256;

/// The most workgroups along one dimension of a dispatch, on every adapter.
const ROW: usize = 65_535;

/// A kernel, ready to be compiled: text, what it binds, and how many workgroups.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dispatch {
    pub wgsl: String,
    pub bindings: Vec<Binding>,
    pub workgroups: [u32; 3],
}

/// The dispatch of a kernel, for samples that lie in these chunks, and arenas in chunks of
/// `chunk_bytes`.
pub(crate) fn dispatch(
    program: &Program,
    schedule: &Schedule,
    kernel: &Kernel,
    samples: SampleChunks,
    chunk_bytes: usize,
) -> Dispatch {
    let mut shader = Shader::new(program, schedule, kernel, samples, chunk_bytes);
    let main = match Form::of(program, &kernel.operations) {
        Form::Product(product) => product::text(&mut shader, &product),
        Form::Map { .. } => map::text(&mut shader),
        Form::Norm { channels, .. } => norm::forward(&mut shader, channels),
        Form::NormGrad { channels, .. } => norm::gradient(&mut shader, channels),
        Form::ColumnSums { .. } => sums::text(&mut shader),
        Form::Loss => loss::text(&mut shader),
        Form::Updates => update::text(&mut shader),
    };
    Dispatch {
        workgroups: workgroups(program, &kernel.operations),
        wgsl: shader.finish(&main),
        bindings: shader.into_bindings(),
    }
}

/// How many workgroups do these operations, along each dimension.
pub(crate) fn workgroups(program: &Program, operations: &[OpId]) -> [u32; 3] {
    match Form::of(program, operations) {
        Form::Product(product) => product.workgroups(),
        Form::Map { elements } => row_of(elements.div_ceil(THREADS)),
        Form::Norm { of, channels } | Form::NormGrad { of, channels } => row_of(
            program
                .tensor(of)
                .shape
                .last()
                .map_or(1, |all| all.div_ceil(channels)),
        ),
        Form::ColumnSums { columns } => row_of(columns.div_ceil(sums::COLUMNS)),
        Form::Loss => [1; 3],
        Form::Updates => row_of(update::blocks(program, operations).len()),
    }
}

/// So many workgroups in rows; the kernel skips those beyond its work.
fn row_of(workgroups: usize) -> [u32; 3] {
    let rows = workgroups.div_ceil(ROW).max(1);
    [workgroups.div_ceil(rows) as u32, rows as u32, 1]
}

/// The first operation of a kernel that is not a part of making its pixels: what gives it its form.
fn head(program: &Program, operations: &[OpId]) -> usize {
    let is_of_pixels = |id: &OpId| {
        matches!(
            program.operation(*id).op,
            Op::ScalePixels { .. } | Op::Reshape
        )
    };
    let first = operations.iter().position(|id| !is_of_pixels(id));
    first.unwrap_or(operations.len() - 1)
}

/// The forms of kernels.
enum Form {
    Product(Product),
    Map { elements: usize },
    Norm { of: TensorId, channels: usize },
    NormGrad { of: TensorId, channels: usize },
    ColumnSums { columns: usize },
    Loss,
    Updates,
}

impl Form {
    fn of(program: &Program, operations: &[OpId]) -> Self {
        let head = operations[head(program, operations)];
        let operation = program.operation(head);
        let norm_grad = operations
            .iter()
            .map(|id| program.operation(*id))
            .find(|operation| operation.op == Op::BatchNormGrad);
        if let Some(product) = Product::of(program, head) {
            return Self::Product(product);
        }
        if let Some(operation) = norm_grad {
            let of = operation.inputs[1];
            return Self::NormGrad {
                of,
                channels: norm::channels(program, of),
            };
        }
        match operation.op {
            Op::BatchNorm { .. } => {
                let of = operation.inputs[0];
                Self::Norm {
                    of,
                    channels: norm::channels(program, of),
                }
            }
            Op::BiasGrad => {
                let columns = program.tensor(operation.outputs[0]).elements();
                Self::ColumnSums { columns }
            }
            Op::SoftmaxCrossEntropy | Op::SoftmaxCrossEntropyGrad => Self::Loss,
            Op::Adam { .. } | Op::Sgd { .. } => Self::Updates,
            Op::Zeros if operations.len() > 1 => Self::Updates,
            _ => {
                let elements = program.tensor(operation.outputs[0]).elements();
                Self::Map { elements }
            }
        }
    }
}
