//! Whether what a kernel says that it touches is enough for what it does: the part of each tensor that a
//! slice writes must follow from the parts that it reads.

use super::{
    Access, Buffer, Kernel, Part, Schedule, Split, Stage,
    made::{Share, made},
};
use crate::{
    program::{Operation, Program},
    tensor::{Role, TensorId},
};

/// Checks all kernels. `may_be_made_again` tells of what any kernel may make for itself.
pub(super) fn check(
    program: &Program,
    schedule: &Schedule,
    buffers: &[Option<&Buffer>],
    may_be_made_again: impl Fn(&Operation) -> bool,
) -> Result<(), String> {
    let checker = Checker { program, buffers };
    for stage in &schedule.stages {
        for kernel in &stage.kernels {
            checker.agree(kernel)?;
            checker.cover(stage, kernel)?;
            checker.suffice(kernel, &may_be_made_again)?;
        }
    }
    Ok(())
}

struct Checker<'a> {
    program: &'a Program,
    /// The buffer of each tensor.
    buffers: &'a [Option<&'a Buffer>],
}

impl Checker<'_> {
    /// What slices write is cut in one way where it is cut into tiles, and none of it is the first slice's alone.
    fn agree(&self, kernel: &Kernel) -> Result<(), String> {
        if kernel.split != Split::Slices {
            return Ok(());
        }
        let written = || kernel.accesses.iter().filter(|access| access.write);
        let is_tile = |access: &&Access| matches!(access.part, Part::Tile { .. });
        let tile = written().find(is_tile).map(|access| access.part);
        for access in written() {
            if access.part == Part::First || tile.is_some_and(|tile| tile != access.part) {
                return Err(format!(
                    "{} is cut otherwise than what else its kernel writes",
                    self.name(access.tensor)
                ));
            }
        }
        Ok(())
    }

    /// The slices of a kernel together touch all of each tensor that is cut.
    fn cover(&self, stage: &Stage, kernel: &Kernel) -> Result<(), String> {
        for access in &kernel.accesses {
            let buffer = self.buffers[access.tensor.0];
            let tensor = self.program.tensor(access.tensor);
            let (has, needs) = match access.part {
                Part::Along { axes, width } => (stage.slices * width, tensor.extent(axes)),
                // The last block of slices is whole, or a piece of it would be left out.
                Part::Tile { pieces, .. } if !stage.slices.is_multiple_of(pieces) => (0, 1),
                Part::Tile {
                    axes,
                    width,
                    pieces,
                    ..
                } => (stage.slices / pieces * width, tensor.extent(axes)),
                Part::Partial => (
                    stage.slices,
                    buffer.map_or(1, |buffer| buffer.layout.partials()),
                ),
                Part::Whole | Part::First | Part::Own => continue,
            };
            let is_wrong = match access.part {
                Part::Partial => has != needs,
                _ => has < needs,
            };
            if kernel.split == Split::Slices && is_wrong {
                return Err(format!(
                    "{} slices do not make up {}",
                    stage.slices,
                    self.name(access.tensor)
                ));
            }
        }
        Ok(())
    }

    /// Every operand in memory is declared, and the parts read suffice for the parts written.
    fn suffice(
        &self,
        kernel: &Kernel,
        may_be_made_again: &impl Fn(&Operation) -> bool,
    ) -> Result<(), String> {
        let declared = |id: TensorId, write: bool| -> Option<&Access> {
            let mut accesses = kernel.accesses.iter();
            accesses.find(|access| access.tensor == id && (access.write || !write))
        };
        let is_cut = kernel.split == Split::Slices;
        // A kernel that is done whole has all of what it touches.
        let share = |access: &Access| match is_cut {
            true => Share::of(access.part, self.program.tensor(access.tensor)),
            false => Share::Whole,
        };
        let mut inside: Vec<(TensorId, Share)> = Vec::new();
        for operation in kernel
            .operations
            .iter()
            .map(|id| self.program.operation(*id))
        {
            let what = || self.program.describe(operation);
            let mut shares = Vec::with_capacity(operation.inputs.len());
            for &input in &operation.inputs {
                let made = inside.iter().rev().find(|(id, _)| *id == input);
                let role = &self.program.tensor(input).role;
                let given = matches!(role, Role::Input { .. });
                shares.push(match (made, declared(input, false)) {
                    (Some((_, share)), _) => share.clone(),
                    (None, Some(access)) => share(access),
                    (None, None) if given => Share::Whole,
                    (None, None) => {
                        return Err(format!(
                            "{} reads {} and does not say so",
                            what(),
                            self.name(input)
                        ));
                    }
                });
            }
            let makes = made(self.program, operation, shares.clone())
                .ok_or_else(|| format!("{} cannot be done from {shares:?}", what()))?;
            for (&output, makes) in operation.outputs.iter().zip(makes) {
                let share = match declared(output, true).map(share) {
                    Some(declared) if makes == Share::Whole || makes == declared => declared,
                    Some(declared) => {
                        return Err(format!("{} makes {makes:?}, not {declared:?}", what()));
                    }
                    None if self.buffers[output.0].is_some() && !may_be_made_again(operation) => {
                        return Err(format!(
                            "{} writes {} and does not say so",
                            what(),
                            self.name(output)
                        ));
                    }
                    None => makes,
                };
                inside.push((output, share));
            }
        }
        Ok(())
    }

    fn name(&self, id: TensorId) -> &str {
        &self.program.tensor(id).name
    }
}
