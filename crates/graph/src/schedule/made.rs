//! What of its results a slice can make of what it has, derived from how an operation iterates.

use std::collections::BTreeMap;

use super::Part;
use crate::{
    axis::{Axes, Axis},
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
    /// The indices of such a cut along these axes, in the tensor's order.
    Along { axes: Vec<Axis>, cut: Cut },
}

/// How a slice's indices follow from its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// So many along all of the axes, flattened.
    Width(usize),
    /// Those of [`Part::Tile`].
    Tile {
        axes: Axes,
        width: usize,
        across: Axes,
        pieces: usize,
    },
}

impl Share {
    /// What this part of a tensor is.
    pub(super) fn of(part: Part, tensor: &Tensor) -> Self {
        match part {
            Part::Whole => Self::Whole,
            Part::First => Self::First,
            Part::Partial => Self::Partial,
            Part::Own => Self::Own,
            Part::Along { axes, width } => Self::Along {
                axes: named(tensor, axes),
                cut: Cut::Width(width),
            },
            Part::Tile {
                axes,
                width,
                across,
                pieces,
            } => Self::Along {
                axes: named(tensor, &[axes, across].concat()),
                cut: Cut::Tile {
                    axes,
                    width,
                    across,
                    pieces,
                },
            },
        }
    }
}

/// Those of these axes that a tensor has, in its order.
fn named(tensor: &Tensor, axes: &[Axis]) -> Vec<Axis> {
    let has = tensor.axes.iter().filter(|axis| axes.contains(axis));
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
    /// The points of such a cut along these loops.
    Cut { loops: Vec<Axis>, cut: Cut },
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
                Share::Along { axes: along, cut } => {
                    let loops = loops_at(map, axes, |axis, _| along.contains(&axis));
                    let cut = *cut;
                    let (_, loops) =
                        loops.filter(|(found, _)| found == along && !along.is_empty())?;
                    Self::Cut { loops, cut }
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
            Self::Cut { loops, cut } => {
                let reduced = space.reduced();
                if loops.iter().all(|one| reduced.contains(one)) {
                    let is_linear = matches!(space.body, Body::Sum | Body::SumOfProducts);
                    return is_linear.then_some(Share::Partial);
                }
                let is_cut =
                    |_, index: &Index| matches!(index, Index::At(one) if loops.contains(one));
                let (axes, found) = loops_at(map, axes, is_cut)?;
                let cut = *cut;
                (found == *loops).then_some(Share::Along { axes, cut })
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
