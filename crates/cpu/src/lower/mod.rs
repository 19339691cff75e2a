//! Lowers a Program to a Schedule for CPU threads.
//!
//! The guiding idea: *weights stay where they live*. Kernels are cut into slices of [`LANES`]
//! outputs (or inputs), and what belongs to a slice (its weights, their moments, its columns of
//! the activations) is only touched by the thread that owns the slice. A barrier stands only
//! where a value really crosses between slices. For the Fashion-MNIST net that is one place a
//! step, the logits, which each slice gives as partial sums.
//!
//! What sums are made of follows from shapes alone, never from the number of threads, so they are always taken in the
//! same order. What the number of threads decides is who does how much, and how often threads meet.

mod groups;
mod memory;
mod stages;
mod sums;

use laptime_engine::Passes;
use laptime_graph::{
    FusionKind, Program, Simplification, TensorId, Uses,
    schedule::{Part, Schedule, Stage},
};

use crate::{
    ops,
    simd::{Isa, LANES},
};

/// What a Program is lowered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The instruction set of the kernels.
    pub isa: Isa,
    /// How many threads there are, at least one. No bit of a result depends on it.
    pub threads: usize,
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
    let mut groups = groups::group(program, &taken);
    let uses = Uses::of(program);
    let threads = target.threads.max(1);
    // Whether logits are partial sums must not depend on where so many threads need barriers.
    let partial_logits = (threads > 1).then(|| {
        let sums = vec![None; program.tensors.len()];
        let alone = stages::arrange(program, &uses, &groups, &taken, (&sums, 1), None);
        has_partial(&alone, program.logits)
    });
    let sums = sums::split(program, &uses, &mut groups, threads);
    let of_threads = (&sums[..], threads);
    let mut stages = stages::arrange(program, &uses, &groups, &taken, of_threads, partial_logits);
    // Another Program may follow, which no check has seen beside this one.
    if program.micro_batch.is_some()
        && let Some(last) = stages.last_mut()
    {
        last.barrier = true;
    }
    let mut schedule = Schedule {
        target: format!("cpu {}, slices of {LANES}", target.isa),
        passes: taken,
        zero_bytes: zero_bytes(program, &simplifications),
        scratch_bytes: scratch_bytes(program, &simplifications),
        simplifications,
        stages,
        buffers: Vec::new(),
    };
    schedule.buffers = memory::plan(program, &schedule.stages, &sums);
    let mut checked = schedule.check(program);
    if checked.is_err() {
        // Something of the step's end would meet the beginning of the next.
        if let Some(last) = schedule.stages.last_mut() {
            last.barrier = true;
        }
        schedule.buffers = memory::plan(program, &schedule.stages, &sums);
        checked = schedule.check(program);
    }
    if let Err(why) = checked {
        panic!("the CPU lowering made an unsound schedule: {why}");
    }
    schedule
}

/// Whether this tensor is made in partial sums.
fn has_partial(stages: &[Stage], tensor: TensorId) -> bool {
    let kernels = stages.iter().flat_map(|stage| &stage.kernels);
    let mut accesses = kernels.flat_map(|kernel| &kernel.accesses);
    accesses.any(|one| one.tensor == tensor && one.part == Part::Partial)
}

/// What the operation that needs the most keeps at once.
fn scratch_bytes(program: &Program, taken: &[Simplification]) -> usize {
    let needed = program.operations_by_id().map(|(id, own)| {
        let by_winograd = program.by_winograd(id, taken);
        ops::of(&own.op).scratch_bytes(own, program, by_winograd)
    });
    needed.max().unwrap_or(0)
}

/// The zeros of the operation that needs the most.
fn zero_bytes(program: &Program, taken: &[Simplification]) -> usize {
    let operations = program.operations.iter();
    let needed = operations.map(|own| ops::of(&own.op).zero_bytes(own, program, taken));
    needed.max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
