//! Whether what a kernel says that it touches is enough for what it does: the part of each tensor that a
//! slice writes must follow from the parts that it reads.

use super::{Access, Buffer, Kernel, Part, Schedule, Split, Stage};
use crate::{
    ops::Op,
    program::{Operation, Program},
    tensor::{Role, Tensor, TensorId},
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
    /// The slices of a kernel together touch all of each tensor that is cut.
    fn cover(&self, stage: &Stage, kernel: &Kernel) -> Result<(), String> {
        for access in &kernel.accesses {
            let buffer = self.buffers[access.tensor.0];
            let (has, needs) = match access.part {
                Part::Along { axis, width } => (
                    stage.slices * width,
                    extent(self.program, access.tensor, axis),
                ),
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
        let part = |access: &Access| if is_cut { access.part } else { Part::Whole };
        let mut made: Vec<(TensorId, Part)> = Vec::new();
        for operation in kernel
            .operations
            .iter()
            .map(|id| self.program.operation(*id))
        {
            let what = || self.program.describe(operation);
            let mut parts = Vec::with_capacity(operation.inputs.len());
            for &input in &operation.inputs {
                let inside = made.iter().rev().find(|(id, _)| *id == input);
                let role = &self.program.tensor(input).role;
                let given = matches!(role, Role::Pixels | Role::Labels);
                parts.push(match (inside, declared(input, false)) {
                    (Some((_, part)), _) => *part,
                    (None, Some(access)) => part(access),
                    (None, None) if given => Part::Whole,
                    (None, None) => {
                        return Err(format!(
                            "{} reads {} and does not say so",
                            what(),
                            self.name(input)
                        ));
                    }
                });
            }
            let makes = made_of(&operation.op, &parts)
                .ok_or_else(|| format!("{} cannot be done from {parts:?}", what()))?;
            for &output in &operation.outputs {
                let part = match declared(output, true).map(part) {
                    Some(declared) if makes == Part::Whole || makes == declared => declared,
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
                made.push((output, part));
            }
        }
        Ok(())
    }

    fn name(&self, id: TensorId) -> &str {
        &self.program.tensor(id).name
    }
}

/// The part of an operation's outputs that follows from these parts of its inputs, if any does. Of
/// [`Part::Whole`] every part follows.
fn made_of(op: &Op, parts: &[Part]) -> Option<Part> {
    use Part::{Along, First, Own, Partial, Whole};
    match (op, parts) {
        (Op::ScalePixels(_) | Op::Zeros(_), _) => Some(Whole),
        (_, all) if all.iter().all(|part| *part == Whole) => Some(Whole),
        // Whole samples stay so in whatever shape.
        (Op::Reshape(_), &[part @ Along { axis: 2, .. }]) => Some(part),
        // Value by value. A sum of partial sums is one; what is not linear is not to be had of them.
        (
            Op::Round(_)
            | Op::Relu(_)
            | Op::ReluGrad(_)
            | Op::Activate(_)
            | Op::ActivateGrad(_)
            | Op::Add(_)
            | Op::Dropout(_)
            | Op::DropoutGrad(_)
            | Op::Adam(_)
            | Op::AdamW(_)
            | Op::Sgd(_)
            | Op::RmsProp(_),
            all,
        ) => common(all),
        // Added by one of those that make the partial sums.
        (Op::Bias(_), [Partial, First]) => Some(Partial),
        (Op::Bias(_), all) => common(all),
        // Outputs, columns or channels of a result follow from those of one operand and all of the
        // other: what is summed over must be there.
        (Op::Dense(_) | Op::Conv2d(_), &[Whole, Along { axis: 0, width }])
        | (Op::DenseGradInput(_) | Op::Conv2dGradInput(_), &[Whole, Along { axis: 1, width }]) => {
            Some(Along { axis: 1, width })
        }
        (Op::Dense(_), [x @ Along { axis: 1, .. }, w]) if x == w => Some(Partial),
        (Op::DenseGradWeight(_) | Op::Conv2dGradWeight(_), &[Whole, Along { axis: 1, width }]) => {
            Some(Along { axis: 0, width })
        }
        (Op::DenseGradWeight(_), &[x @ Along { axis: 1, .. }, Whole]) => Some(x),
        // Channels, for themselves.
        (Op::BatchNorm(_) | Op::BatchNormGrad(_) | Op::BatchNormEvaluation(_), [x, rest @ ..])
            if *x != Own =>
        {
            match (x, common(&[&[*x], rest].concat())?) {
                (_, Along { axis: 0 | 2.., .. }) => None,
                (_, part) => Some(part),
            }
        }
        (
            Op::BiasGrad(_)
            | Op::MaxPool(_)
            | Op::MaxPoolGrad(_)
            | Op::AvgPool(_)
            | Op::AvgPoolGrad(_)
            | Op::GlobalAvgPool(_)
            | Op::GlobalAvgPoolGrad(_),
            all,
        ) => match common(all)? {
            part @ Along { axis: 1, .. } => Some(part),
            _ => None,
        },
        _ => None,
    }
}

/// The part that all have, but those that have all.
fn common(parts: &[Part]) -> Option<Part> {
    let mut cut = parts.iter().filter(|part| **part != Part::Whole);
    let first = *cut.next().unwrap_or(&Part::Whole);
    let is_possible = !matches!(first, Part::Partial | Part::First);
    (is_possible && cut.all(|part| *part == first)).then_some(first)
}

/// The extent of a tensor along the axis of [`Part::Along`]; axis 2 is the samples.
fn extent(program: &Program, id: TensorId, axis: usize) -> usize {
    let parameter = match program.tensor(id).role {
        Role::Moment { of, .. } | Role::Gradient { of } | Role::Rounded { of } => of,
        _ => id,
    };
    let Tensor { role, shape, .. } = program.tensor(parameter);
    let is_weight = matches!(role, Role::Parameter(_)) && shape.len() > 1;
    let shape = &program.tensor(id).shape;
    match (&shape[..], axis) {
        ([], _) | ([_], 0) => 1,
        ([all], _) => *all,
        (_, 0) if !is_weight && shape.len() > 2 => shape[1..shape.len() - 1].iter().product(),
        (_, 0 | 2) => shape[0],
        (_, 1) if is_weight => shape[1],
        _ => shape[shape.len() - 1],
    }
}
