//! Whether buffers have room for what is stored in them, and sums that are left behind values are those that somebody
//! needs: a kernel that makes a part of its results from sums over other parts too takes these from whoever has
//! made the values.

use super::{Access, Buffer, Kernel, Part, Schedule, Split, Stage};
use crate::{
    axis::Axes,
    ops::{Index, Operand},
    program::{Operation, Program},
    tensor::TensorId,
};

/// The values that a tile leaves for each of its indices: what was taken off before the rest was added, a sum, and a
/// sum of products.
pub const SUMS_A_TILE: usize = 3;

/// Checks all buffers, and all kernels that need or leave sums.
pub(super) fn check(
    program: &Program,
    schedule: &Schedule,
    buffers: &[Option<&Buffer>],
) -> Result<(), String> {
    let mut left: Vec<Option<Left>> = vec![None; program.tensors.len()];
    for stage in &schedule.stages {
        for kernel in &stage.kernels {
            for id in &kernel.operations {
                let operation = program.operation(*id);
                if let Some(needed) = needed(program, stage, kernel, operation) {
                    let tensor = needed.operands[0];
                    let room = buffers[tensor.0].map_or(0, |buffer| buffer.sums_bytes);
                    if room < needed.bytes {
                        return Err(format!(
                            "{} needs sums of all of {}, for which there is no room",
                            program.describe(operation),
                            program.tensor(tensor).name
                        ));
                    }
                    if left[tensor.0].replace(needed).is_some() {
                        return Err(format!(
                            "two operations need sums of {}, which has room for one's",
                            program.tensor(tensor).name
                        ));
                    }
                }
            }
        }
    }
    for buffer in &schedule.buffers {
        let tensor = program.tensor(buffer.tensor);
        let values = buffer.layout.stored_elements(tensor.elements());
        let stored = values * buffer.layout.value_bytes() + buffer.sums_bytes;
        if buffer.bytes < stored {
            return Err(format!("{} does not fit into its buffer", tensor.name));
        }
        if buffer.sums_bytes > 0 && left[buffer.tensor.0].is_none() {
            return Err(format!("nobody needs sums of {}", tensor.name));
        }
    }
    let kernels = schedule.kernels();
    for kernel in kernels {
        for access in kernel.accesses.iter().filter(|access| access.write) {
            if let Some(left) = &left[access.tensor.0] {
                left.by(program, kernel, access).map_err(|what| {
                    let name = &program.tensor(access.tensor).name;
                    format!("the sums of {name} {what}")
                })?;
            }
        }
    }
    Ok(())
}

/// Sums that are left for a kernel.
#[derive(Debug, Clone, PartialEq)]
struct Left {
    /// What they are made of: first that behind whose values they lie.
    operands: Vec<TensorId>,
    /// The tiles that each of them is of.
    tile: Part,
    bytes: usize,
}

/// The sums that must be left for an operation of a kernel: it has tiles across axes that it sums over.
fn needed(
    program: &Program,
    stage: &Stage,
    kernel: &Kernel,
    operation: &Operation,
) -> Option<Left> {
    if kernel.split != Split::Slices {
        return None;
    }
    let access = |id: &TensorId| kernel.accesses.iter().find(|one| one.tensor == *id);
    let tile = operation.outputs.iter().find_map(|output| {
        let part = access(output)?.part;
        matches!(part, Part::Tile { .. }).then_some(part)
    })?;
    let Part::Tile { across, width, .. } = tile else {
        return None;
    };
    let mut operands = Vec::new();
    for space in program.iteration(operation).spaces {
        let reduced = space.reduced();
        if !across.iter().any(|axis| reduced.contains(axis)) {
            continue;
        }
        let goes_over = |at: &[Index], axes: Axes| {
            at.iter()
                .any(|index| matches!(index, Index::At(axis) if axes.contains(axis)))
        };
        if !space.reads.iter().any(|map| goes_over(&map.at, across)) {
            continue;
        }
        for map in &space.reads {
            if let Operand::Input(number) = map.operand
                && !operands.contains(&operation.inputs[number])
            {
                operands.push(operation.inputs[number]);
            }
        }
    }
    (!operands.is_empty()).then_some(Left {
        operands,
        tile,
        bytes: stage.slices * width * SUMS_A_TILE * 4,
    })
}

impl Left {
    /// Whether this kernel, which makes the values, leaves these: it has whole tiles, and all that they are made of.
    fn by(&self, program: &Program, kernel: &Kernel, own: &Access) -> Result<(), &'static str> {
        let Part::Tile { axes, width, .. } = self.tile else {
            return Ok(());
        };
        let is_whole = own.part == self.tile || own.part == Part::Along { axes, width };
        if kernel.split != Split::Slices || !is_whole {
            return Err("are not of the tiles in which it is made");
        }
        let touches = |id: &TensorId| {
            let is_enough =
                |part| part == Part::Whole || part == own.part && program.tensor(*id).is_images();
            let mut accesses = kernel.accesses.iter();
            accesses.any(|one| one.tensor == *id && is_enough(one.part))
        };
        match self.operands.iter().all(touches) {
            true => Ok(()),
            false => Err("are made of more than its kernel reads"),
        }
    }
}
