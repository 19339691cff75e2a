//! WGSL for every kernel of a Schedule, with shapes and tiles as constants in it.
//!
//! Kernels are made of few forms: products (`product.rs`), one value a thread (`map.rs`), sums over
//! channels (`norm.rs`, `sums.rs`), the losses (`loss.rs`, `squared_error.rs`), and updates of many
//! parameters at once (`update.rs`). What is fused behind any of the first two is in `chain.rs`.
//!
//! Nothing adds floating-point numbers atomically: a sum's order is part of the text.

mod chain;
mod formulas;
mod loss;
mod map;
mod norm;
mod not_finite;
mod product;
mod shader;
mod squared_error;
mod sums;
mod update;

use laptime_graph::{
    Op, OpId, Program, TensorId,
    schedule::{Kernel, Schedule},
};

use crate::{target::Target, tiles::Product};
use shader::Shader;
pub(crate) use shader::{Binding, SampleChunks};

/// Threads of a workgroup: what every adapter has.
pub(crate) const THREADS: usize = 256;

/// A kernel, ready to be compiled: text, what it binds, and how many workgroups.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dispatch {
    pub wgsl: String,
    pub bindings: Vec<Binding>,
    pub workgroups: [u32; 3],
}

/// The dispatch of a kernel, for samples that lie in these chunks.
pub(crate) fn dispatch(
    program: &Program,
    schedule: &Schedule,
    kernel: &Kernel,
    samples: SampleChunks,
    target: Target,
) -> Dispatch {
    let mut shader = Shader::new(program, schedule, kernel, samples, target);
    let main = match Form::of(program, &kernel.operations) {
        Form::Product(product) => product::text(&mut shader, &product),
        Form::Map { .. } => map::text(&mut shader),
        Form::Norm { channels, .. } => norm::forward(&mut shader, channels),
        Form::NormGrad { channels, .. } => norm::gradient(&mut shader, channels),
        Form::ColumnSums { .. } => sums::text(&mut shader),
        Form::Loss => loss::text(&mut shader),
        Form::SquaredError => squared_error::text(&mut shader),
        Form::Updates => update::text(&mut shader),
    };
    Dispatch {
        workgroups: workgroups(program, &kernel.operations, target),
        wgsl: shader.finish(&main),
        bindings: shader.into_bindings(),
    }
}

/// How many workgroups do these operations, along each dimension.
pub(crate) fn workgroups(program: &Program, operations: &[OpId], target: Target) -> [u32; 3] {
    // In rows; the kernel skips those beyond its work.
    let rows_of = |workgroups: usize| {
        let rows = workgroups.div_ceil(target.workgroups).max(1);
        [workgroups.div_ceil(rows) as u32, rows as u32, 1]
    };
    match Form::of(program, operations) {
        Form::Product(product) => {
            let [x, y, _] = rows_of(product.tiles().iter().product());
            [x, y, product.splits as u32]
        }
        Form::Map { elements } => rows_of(elements.div_ceil(THREADS)),
        Form::Norm { of, channels } | Form::NormGrad { of, channels } => rows_of(
            program
                .tensor(of)
                .shape
                .last()
                .map_or(1, |all| all.div_ceil(channels)),
        ),
        Form::ColumnSums { columns } => rows_of(columns.div_ceil(sums::columns(columns))),
        Form::Loss | Form::SquaredError => [1; 3],
        Form::Updates => rows_of(update::blocks(program, operations).len()),
    }
}

/// The first operation of a kernel that is not a part of making its pixels: what gives it its form.
fn head(program: &Program, operations: &[OpId]) -> usize {
    let is_of_pixels = |id: &OpId| {
        matches!(
            program.operation(*id).op,
            Op::ScalePixels(_) | Op::Reshape(_)
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
    SquaredError,
    Updates,
}

impl Form {
    fn of(program: &Program, operations: &[OpId]) -> Self {
        let head = operations[head(program, operations)];
        let operation = program.operation(head);
        let norm_grad = operations
            .iter()
            .map(|id| program.operation(*id))
            .find(|operation| matches!(operation.op, Op::BatchNormGrad(_)));
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
            Op::BatchNorm(_) => {
                let of = operation.inputs[0];
                Self::Norm {
                    of,
                    channels: norm::channels(program, of),
                }
            }
            Op::BiasGrad(_) => {
                let columns = program.tensor(operation.outputs[0]).elements();
                Self::ColumnSums { columns }
            }
            Op::SoftmaxCrossEntropy(_) | Op::SoftmaxCrossEntropyGrad(_) => Self::Loss,
            Op::MeanSquaredError(_) | Op::MeanSquaredErrorGrad(_) => Self::SquaredError,
            Op::Adam(_) | Op::Sgd(_) => Self::Updates,
            Op::Zeros(_) if operations.len() > 1 => Self::Updates,
            _ => {
                let elements = program.tensor(operation.outputs[0]).elements();
                Self::Map { elements }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use laptime_engine::Passes;
    use laptime_graph::{Mode, build};
    use laptime_workload::{Builtin, Overrides};

    use super::*;
    use crate::lower::lower;

    /// The texts of a step that is lowered for subgroups of this size.
    fn texts(subgroup: usize) -> Vec<String> {
        let builtin = Builtin::find("cifar10-resnet50").unwrap();
        let workload = builtin.spec().resolve(&Overrides::default()).unwrap();
        let program = build(&workload, Mode::Training, workload.batch_size);
        let target = Target {
            subgroup,
            ..Target::COMMON
        };
        let schedule = lower(&program, target, &Passes::All).unwrap();
        let samples = SampleChunks {
            samples: 50_000,
            chunks: 2,
        };
        let kernels = schedule.stages.iter().flat_map(|stage| &stage.kernels);
        kernels
            .map(|kernel| dispatch(&program, &schedule, kernel, samples, target).wgsl)
            .collect()
    }

    #[test]
    fn subgroups_add_only_where_the_adapter_has_them() {
        let adds = |subgroup| {
            let texts = texts(subgroup).into_iter();
            texts
                .filter(|text| text.contains("subgroupShuffleXor"))
                .count()
        };
        assert_eq!(adds(1), 0);
        // The loss adds over all threads, a norm over those of its eight channels.
        assert_eq!(adds(8), 1);
        assert!(adds(32) > 100);
    }
}
