//! Lowers a Program to a Schedule for CPU threads.
//!
//! The guiding idea: *weights stay where they live*. Kernels are cut into slices of [`LANES`]
//! outputs (or inputs), and what belongs to a slice (its weights, their moments, its columns of
//! the activations) is only touched by the thread that owns the slice. A barrier stands only
//! where a value really crosses between slices. For the Fashion-MNIST net that is one place a
//! step, the logits, which each slice gives as partial sums.
//!
//! Slices depend on shapes alone, never on the number of threads, so sums are always taken in the
//! same order.

mod groups;
mod memory;
mod stages;

pub(crate) use groups::main_operation;
pub(crate) use memory::is_weight;

use laptime_engine::Passes;
use laptime_graph::{
    Conv2d, Conv2dGradInput, FusionKind, Op, Program, Role, Simplification, TensorId,
    multiplied_pairs, schedule::Schedule, window::live_pairs,
};
use laptime_workload::Window;

use crate::{
    kernels::{
        forward_panel, gradient_panel, norm_bytes, panel_bytes, turned_bytes, turned_pairs_bytes,
    },
    simd::{Isa, LANES},
};

/// What a Program is lowered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The instruction set of the kernels.
    pub isa: Isa,
}

/// The Schedule of a Program for a target.
///
/// # Panics
/// Never for a Program that `laptime_graph::build` made; the Schedule is proven sound on the way.
pub fn lower(program: &Program, target: Target, passes: &Passes) -> Schedule {
    let taken: Vec<FusionKind> = FusionKind::ALL
        .into_iter()
        .filter(|kind| passes.has(kind.as_str()))
        .collect();
    let simplifications: Vec<Simplification> = Simplification::ALL
        .into_iter()
        .filter(|one| passes.has(one.as_str()))
        .collect();
    let groups = groups::group(program, &taken);
    let stages = stages::arrange(program, &groups, &taken);
    let mut schedule = Schedule {
        target: format!("cpu {}, slices of {LANES}", target.isa),
        passes: taken,
        zero_bytes: zero_bytes(program, &simplifications),
        simplifications,
        stages,
        buffers: Vec::new(),
        scratch_bytes: scratch_bytes(program),
    };
    schedule.buffers = memory::plan(program, &schedule.stages);
    let mut checked = schedule.check(program);
    if checked.is_err() {
        // Something of the step's end would meet the beginning of the next.
        if let Some(last) = schedule.stages.last_mut() {
            last.barrier = true;
        }
        schedule.buffers = memory::plan(program, &schedule.stages);
        checked = schedule.check(program);
    }
    if let Err(why) = checked {
        panic!("the CPU lowering made an unsound schedule: {why}");
    }
    schedule
}

/// What the convolution that needs the most turns over, makes panels of, and keeps for its norm, at once.
fn scratch_bytes(program: &Program) -> usize {
    let samples = program.batch_size.next_multiple_of(LANES);
    let extent = |id, axis| memory::extent(program, id, axis);
    let is_rounded = |id| matches!(program.tensor(id).role, Role::Rounded { .. });
    let panels = |paired: bool, panel| if paired { panel_bytes(panel) } else { 0 };
    // Of a batch norm that goes with the convolution.
    let kept = |channels: usize| norm_bytes(channels.div_ceil(LANES));
    let needed = program.operations.iter().map(|operation| {
        let [first, second] = operation.inputs[..] else {
            return 0;
        };
        let taps = |window: Window| window.kernel.iter().product();
        match operation.op {
            Op::Conv2d(Conv2d { window }) => {
                let panel = forward_panel(taps(window), extent(second, 1));
                panels(is_rounded(first), panel) + kept(extent(second, 0))
            }
            Op::Conv2dGradInput(Conv2dGradInput { window }) => {
                let panel = gradient_panel(taps(window), extent(second, 0));
                panels(is_rounded(first), panel) + kept(extent(second, 1))
            }
            Op::Conv2dGradWeight(_) if is_rounded(first) => {
                let x = (extent(first, 0), extent(first, 1));
                turned_pairs_bytes(x, extent(second, 0), samples)
            }
            Op::Conv2dGradWeight(_) => turned_bytes(extent(second, 0) * samples),
            _ => 0,
        }
    });
    needed.max().unwrap_or(0)
}

/// A position of zeros, of as many channels as any convolution has that multiplies padding.
fn zero_bytes(program: &Program, taken: &[Simplification]) -> usize {
    let needed = program.operations.iter().map(|operation| {
        let Op::Conv2d(Conv2d { window }) = operation.op else {
            return 0;
        };
        let shape = |id: TensorId| &program.tensor(id).shape;
        let (x, y) = (shape(operation.inputs[0]), shape(operation.outputs[0]));
        let (input, output) = ([x[1], x[2]], [y[1], y[2]]);
        let live = live_pairs(&window, input, output);
        if multiplied_pairs(&window, input, output, taken) == live {
            return 0;
        }
        x[3].max(y[3]) * x[0].next_multiple_of(LANES) * 4
    });
    needed.max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
