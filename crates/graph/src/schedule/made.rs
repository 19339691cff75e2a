//! What of its results a slice can make of what it has, derived from how an operation iterates.

use std::collections::BTreeMap;

use super::Part;
use crate::{
    axis::Axis,
    ops::{Body, Index, Map, Operand, Space},
    program::{Operation, Program},
    tensor::{Tensor, TensorId},
};

/// What of an operand a slice has: a [`Part`] with its axes by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Share {
    /// All of it.
    Whole,
    /// All of it, but only the first slice.
    First,
    /// One of the partial sums.
    Partial,
    /// What no other slice of the kernel has.
    Own,
    /// As many indices along these axes, flattened in the tensor's order.
    Along { axes: Vec<Axis>, width: usize },
}

impl Share {
    /// What this part of a tensor is.
    pub(super) fn of(part: Part, tensor: &Tensor) -> Self {
        match part {
            Part::Whole => Self::Whole,
            Part::First => Self::First,
            Part::Partial => Self::Partial,
            Part::Own => Self::Own,
            Part::Along { axis, width } => Self::Along {
                axes: named(tensor, axes_along(tensor, axis)),
                width,
            },
        }
    }
}

/// The axes that [`Part::Along`] means by this number, of a tensor that has them.
pub fn axes_along(tensor: &Tensor, number: usize) -> &'static [Axis] {
    match number {
        0 if tensor.is_weight() => &[Axis::Output],
        0 if tensor.is_images() => &[Axis::Height, Axis::Width],
        1 if tensor.is_weight() => &[Axis::Input],
        1 => &[Axis::Channel],
        _ => &[Axis::Batch],
    }
}

/// Those of these axes that a tensor has.
fn named(tensor: &Tensor, axes: &[Axis]) -> Vec<Axis> {
    let has = axes.iter().filter(|axis| tensor.has(**axis));
    has.copied().collect()
}

/// What of its outputs an operation makes of these shares of its inputs, if anything follows.
pub(super) fn made(
    program: &Program,
    operation: &Operation,
    inputs: Vec<Share>,
) -> Option<Vec<Share>> {
    if inputs.iter().all(|share| *share == Share::Whole) {
        return Some(vec![Share::Whole; operation.outputs.len()]);
    }
    // One of those that make partial sums adds the rest.
    if let [Share::Partial, rest @ ..] = &inputs[..] {
        let is_first = rest.iter().all(|share| *share == Share::First);
        return (is_first && operation.op.definition().is_sum()).then(|| vec![Share::Partial]);
    }
    let tensor_axes = |id: &TensorId| program.tensor(*id).axes.clone();
    let inputs = operation.inputs.iter().map(tensor_axes).zip(inputs);
    let mut operands: BTreeMap<Operand, Held> = inputs
        .enumerate()
        .map(|(number, operand)| (Operand::Input(number), operand))
        .collect();
    for space in &program.iteration(operation).spaces {
        let done = Done::of(space, &operands)?;
        for map in &space.writes {
            let axes = match map.operand {
                Operand::Output(number) => tensor_axes(&operation.outputs[number]),
                _ => map.loops(),
            };
            let share = done.share(space, map, &axes)?;
            operands.insert(map.operand, (axes, share));
        }
    }
    (0..operation.outputs.len())
        .map(|number| operands.remove(&Operand::Output(number)))
        .map(|operand| operand.map(|(_, share)| share))
        .collect()
}

/// The axes of an operand, and what a slice has of it.
type Held = (Vec<Axis>, Share);

/// What a slice does of a space.
#[derive(Debug, PartialEq, Eq)]
enum Done<'a> {
    /// Every point.
    All,
    /// The points of a share of its own of what is read at this place.
    Own(&'a [Index]),
    /// So many points along these loops, flattened.
    Cut { loops: Vec<Axis>, width: usize },
}

impl<'a> Done<'a> {
    /// What it can do with what it has: nothing with two different cuts.
    fn of(space: &'a Space, operands: &BTreeMap<Operand, Held>) -> Option<Self> {
        let mut done = Self::All;
        for map in &space.reads {
            let (axes, share) = &operands[&map.operand];
            let here = match share {
                Share::Whole => continue,
                Share::First | Share::Partial => return None,
                Share::Own => Self::Own(&map.at),
                Share::Along { axes: cut, width } => {
                    let loops = loops_at(map, axes, |axis, _| cut.contains(&axis));
                    let width = *width;
                    let (_, loops) = loops.filter(|(found, _)| found == cut && !cut.is_empty())?;
                    Self::Cut { loops, width }
                }
            };
            if done == Self::All {
                done = here;
            } else if done != here {
                return None;
            }
        }
        Some(done)
    }

    /// What it has then of an operand of these axes that is written at this map.
    fn share(&self, space: &Space, map: &Map, axes: &[Axis]) -> Option<Share> {
        match self {
            Self::All => Some(Share::Whole),
            Self::Own(at) => (map.at == *at).then_some(Share::Own),
            Self::Cut { loops, width } => {
                let reduced = space.reduced();
                if loops.iter().all(|one| reduced.contains(one)) {
                    let is_linear = matches!(space.body, Body::Sum | Body::SumOfProducts);
                    return is_linear.then_some(Share::Partial);
                }
                let is_cut =
                    |_, index: &Index| matches!(index, Index::At(one) if loops.contains(one));
                let (axes, found) = loops_at(map, axes, is_cut)?;
                let width = *width;
                (found == *loops).then_some(Share::Along { axes, width })
            }
        }
    }
}

/// Those of an operand's axes that are wanted, each with the loop that goes along it; `None` where one of them
/// is read in another way: a slice of what a window meets, or data name, proves nothing.
fn loops_at(
    map: &Map,
    axes: &[Axis],
    is_wanted: impl Fn(Axis, &Index) -> bool,
) -> Option<(Vec<Axis>, Vec<Axis>)> {
    let wanted = axes.iter().zip(&map.at);
    let wanted = wanted.filter(|(axis, index)| is_wanted(**axis, index));
    wanted
        .map(|(axis, index)| match index {
            Index::At(one) => Some((*axis, *one)),
            _ => None,
        })
        .collect()
}
