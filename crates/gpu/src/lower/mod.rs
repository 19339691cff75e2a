//! Lowers a Program to a Schedule of dispatches.
//!
//! A kernel of the Schedule is one dispatch, a slice one workgroup, and a barrier stands behind
//! every dispatch: `wgpu` sets one wherever a buffer is written, and all of a step's values share
//! a few buffers. What is left to choose is what is done together, how products are cut, and
//! where everything lies.
//!
//! Workgroups and partial sums depend on shapes alone, so sums are always taken in the same order.

mod groups;
mod memory;
mod rounding;

use laptime_engine::Passes;
use laptime_graph::{
    FusionKind, OpId, Operation, Program, Role, Simplification, TensorId, Uses,
    schedule::{Access, Kernel, Part, Schedule, Split, Stage},
};

use crate::{
    kernels::workgroups,
    target::{Matrices, Target},
};
pub(crate) use memory::ALIGNMENT_BYTES;

/// The fusions that are not for GPUs: a workgroup has a tile of a convolution's results, never all that a
/// norm's sums need.
pub const NEVER_TAKEN: [FusionKind; 2] =
    [FusionKind::NormAtProduct, FusionKind::NormGradientAtProduct];

/// The name of the pass that makes products in bf16 on matrix units. It changes kernels, not the Schedule.
pub const MATRIX_UNITS: &str = "matrix-units";

/// The Schedule of a Program for a target.
///
/// # Errors
/// Where a tensor does not fit into the target's limits, in words.
///
/// # Panics
/// Never for a Program that `laptime_graph::build` made; the Schedule is proven sound on the way.
pub fn lower(program: &Program, target: Target, passes: &Passes) -> Result<Schedule, String> {
    let taken: Vec<FusionKind> = FusionKind::ALL
        .into_iter()
        .filter(|kind| !NEVER_TAKEN.contains(kind) && passes.has(kind.as_str()))
        .collect();
    assert!(
        target.chunk_bytes.is_multiple_of(ALIGNMENT_BYTES),
        "bindings begin at multiples"
    );
    let uses = Uses::of(program);
    let (mut groups, again) = groups::group(program, &uses, &taken, target);
    let (stages, buffers) = loop {
        let stages: Vec<Stage> = groups
            .iter()
            .map(|group| stage(program, &uses, group, &again, target))
            .collect();
        let buffers = memory::plan(program, &uses, &stages, target.chunk_bytes)?;
        // What a dispatch of updates binds, only the places of all tensors tell; and they depend
        // on the dispatches. Each turn has one more of them.
        match groups::split_updates(program, &groups, &buffers, target) {
            Some(split) => groups = split,
            None => break (stages, buffers),
        }
    };
    let rounds = |operation: &Operation| operation.op.definition().is_rounding();
    let arithmetic = match (program.operations.iter().any(rounds), target.matrices) {
        (false, _) => "",
        (true, Matrices::None) => ", bf16 in memory and fp32 arithmetic",
        (true, _) => ", bf16 in memory, large products by matrix units with fp32 sums",
    };
    let schedule = Schedule {
        target: format!(
            "gpu, chunks of {} MiB{arithmetic}",
            target.chunk_bytes >> 20
        ),
        passes: taken,
        // Tiles have only the taps that live, and all of those, with zeros for padding.
        simplifications: vec![Simplification::DeadTaps],
        stages,
        buffers,
        scratch_bytes: 0,
        zero_bytes: 0,
    };
    if let Err(why) = schedule.check(program) {
        panic!("the GPU lowering made an unsound schedule: {why}");
    }
    Ok(schedule)
}

/// A group of operations as a dispatch of its own. It reads what comes from outside and writes
/// what others read; what only its own operations read, or others make `again`, never reaches memory.
fn stage(program: &Program, uses: &Uses, group: &[OpId], again: &[OpId], target: Target) -> Stage {
    let operations = || group.iter().map(|id| program.operation(*id));
    let written: Vec<TensorId> = operations()
        .flat_map(|operation| operation.outputs.clone())
        .collect();
    let mut accesses: Vec<Access> = Vec::new();
    let mut touch = |tensor: TensorId, write: bool| {
        let known = accesses.iter_mut().find(|access| access.tensor == tensor);
        match known {
            Some(access) if write => (access.write, access.part) = (true, Part::Own),
            Some(_) => {}
            None => accesses.push(Access {
                tensor,
                write,
                part: if write { Part::Own } else { Part::Whole },
            }),
        }
    };
    for operation in operations() {
        for &input in &operation.inputs {
            let role = &program.tensor(input).role;
            let given = matches!(role, Role::Input { .. });
            if !given && (!written.contains(&input) || role.is_kept()) {
                touch(input, false);
            }
        }
        for &output in &operation.outputs {
            let made_again = again
                .iter()
                .any(|id| program.operation(*id).outputs.contains(&output));
            if !made_again && is_wanted(program, uses, output, group) {
                touch(output, true);
            }
        }
    }
    Stage {
        slices: workgroups(program, uses, group, target)
            .iter()
            .map(|along| *along as usize)
            .product(),
        kernels: vec![Kernel {
            operations: group.to_vec(),
            split: Split::Slices,
            accesses,
        }],
        barrier: true,
    }
}

/// Whether anything outside the group reads what it makes.
fn is_wanted(program: &Program, uses: &Uses, output: TensorId, group: &[OpId]) -> bool {
    let tensor = program.tensor(output);
    let is_read = || uses.readers(output).iter().any(|id| !group.contains(id));
    tensor.role.is_kept()
        || matches!(tensor.role, Role::Metric)
        || output == program.logits
        || is_read()
}
