//! How an operation iterates: its loops, and where in its operands each of their points reads and writes.

use laptime_workload::Window;

use crate::axis::Axis;

/// The axes of what an operation reads and writes, in its order.
pub struct OperandAxes<'a> {
    /// Of its inputs.
    pub inputs: Vec<&'a [Axis]>,
    /// Of its outputs.
    pub outputs: Vec<&'a [Axis]>,
}

/// A tensor that an operation touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operand {
    /// What it reads, by its place among the inputs. Of a tensor updated in place, the old values.
    Input(usize),
    /// What it writes. A later space may read it: of a tensor updated in place, the new values.
    Output(usize),
    /// A value between two spaces that is in no tensor. It has the axes at which it is written.
    Temporary(usize),
}

/// A window of so many taps that moves along an axis: tap t of position p meets
/// `p·stride + t·dilation − before`, where there is such a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slide {
    /// The loop over positions.
    pub position: Axis,
    /// The loop over taps.
    pub tap: Axis,
    /// The number of taps.
    pub taps: usize,
    /// From one position to the next.
    pub stride: usize,
    /// From one tap to the next.
    pub dilation: usize,
    /// The padding before the first value.
    pub before: usize,
}

/// Where along one axis of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// Where this loop is.
    At(Axis),
    /// So many places behind where this loop is.
    Behind {
        /// The loop.
        axis: Axis,
        /// How many.
        by: usize,
    },
    /// Where these loops are, flattened in this order.
    Flat(&'static [Axis]),
    /// What the tap meets. Padding adds nothing to a sum, and never is the largest.
    Met(Slide),
    /// The other way round: the position whose tap meets where the loop over positions is, if any does.
    MetBy(Slide),
    /// What this input says: the index comes from data.
    Value(usize),
    /// The one place of [`Axis::Single`].
    Only,
}

/// Where an operand is read or written: one index for each of its axes. What a loop that none of them
/// names reads, it reads again each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// What is touched.
    pub operand: Operand,
    /// Where.
    pub at: Vec<Index>,
}

/// What is done at each point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// What is read is written.
    Copy,
    /// A function of what is read; nothing is reduced.
    Each,
    /// A function of what is read, added up.
    Sum,
    /// The product of two values, added up.
    SumOfProducts,
    /// Taken over all points so that partial results cannot be added: a maximum, a variance.
    Fold,
}

/// A nest of loops, one for each axis that a map names. Loops that what is written names are parallel, each
/// of their points makes results of its own; over all others the results are taken (reduced).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// What is done at each point.
    pub body: Body,
    /// Floating-point operations a point.
    pub flops: u64,
    /// What the results depend on.
    pub reads: Vec<Map>,
    /// The results, all at the same loops.
    pub writes: Vec<Map>,
}

/// How an operation iterates: one space after the other, each over all of what it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Iteration {
    /// In order.
    pub spaces: Vec<Space>,
}

impl Operand {
    /// Where it is touched.
    pub fn at(self, at: impl Into<Vec<Index>>) -> Map {
        let at = at.into();
        Map { operand: self, at }
    }
}

/// Along each of these axes where its loop is.
pub(super) fn at(axes: &[Axis]) -> Vec<Index> {
    axes.iter().copied().map(Index::At).collect()
}

/// As [`at`], with the loop over channels under another name.
pub(super) fn with_channel(axes: &[Axis], channel: Axis) -> Vec<Index> {
    let name = |axis: &Axis| match axis {
        Axis::Channel => Index::At(channel),
        other => Index::At(*other),
    };
    axes.iter().map(name).collect()
}

/// How a window moves over images of these channels: at the positions of its results, what it meets
/// ([`Index::Met`]); at the places of an image, the results that it made there ([`Index::MetBy`]).
pub(super) fn through(window: &Window, which: fn(Slide) -> Index, channel: Axis) -> Vec<Index> {
    let slide = |along: usize, position, tap| {
        which(Slide {
            position,
            tap,
            taps: window.kernel[along],
            stride: window.stride[along],
            dilation: window.dilation[along],
            before: window.padding[2 * along],
        })
    };
    vec![
        Index::At(Axis::Batch),
        slide(0, Axis::Height, Axis::KernelHeight),
        slide(1, Axis::Width, Axis::KernelWidth),
        Index::At(channel),
    ]
}

impl Space {
    fn new(body: Body, flops: u64, reads: &[&Map], writes: &[&Map]) -> Self {
        Self {
            body,
            flops,
            reads: reads.iter().copied().cloned().collect(),
            writes: writes.iter().copied().cloned().collect(),
        }
    }

    pub(super) fn copy(reads: &[&Map], writes: &[&Map]) -> Self {
        Self::new(Body::Copy, 0, reads, writes)
    }

    pub(super) fn each(flops: u64, reads: &[&Map], writes: &[&Map]) -> Self {
        Self::new(Body::Each, flops, reads, writes)
    }

    pub(super) fn sum(flops: u64, reads: &[&Map], writes: &[&Map]) -> Self {
        Self::new(Body::Sum, flops, reads, writes)
    }

    pub(super) fn fold(flops: u64, reads: &[&Map], writes: &[&Map]) -> Self {
        Self::new(Body::Fold, flops, reads, writes)
    }

    /// The maps of what it reads, then of what it writes.
    pub fn maps(&self) -> impl Iterator<Item = &Map> {
        self.reads.iter().chain(&self.writes)
    }

    /// The loops, in the order in which maps name them first.
    pub fn loops(&self) -> Vec<Axis> {
        let mut loops = Vec::new();
        let mut add = |axis: Axis| {
            if !loops.contains(&axis) {
                loops.push(axis);
            }
        };
        for index in self.maps().flat_map(|map| &map.at) {
            match index {
                Index::At(axis) | Index::Behind { axis, .. } => add(*axis),
                Index::Flat(axes) => axes.iter().copied().for_each(&mut add),
                Index::Met(slide) | Index::MetBy(slide) => {
                    add(slide.position);
                    add(slide.tap);
                }
                Index::Value(_) | Index::Only => {}
            }
        }
        loops
    }

    /// The loops over which results are taken.
    pub fn reduced(&self) -> Vec<Axis> {
        let is_written = |axis: &Axis| self.writes[0].has(*axis);
        let mut loops = self.loops();
        loops.retain(|axis| !is_written(axis));
        loops
    }
}

impl Map {
    /// The loops that it names by themselves, in its order.
    pub fn loops(&self) -> Vec<Axis> {
        let by_itself = |index: &Index| match index {
            Index::At(axis) => Some(*axis),
            _ => None,
        };
        self.at.iter().filter_map(by_itself).collect()
    }

    /// Whether this loop is named.
    fn has(&self, axis: Axis) -> bool {
        self.at.iter().any(|index| match index {
            Index::At(one) | Index::Behind { axis: one, .. } => *one == axis,
            Index::Flat(axes) => axes.contains(&axis),
            _ => false,
        })
    }
}

impl From<Space> for Iteration {
    fn from(space: Space) -> Self {
        vec![space].into()
    }
}

impl From<Vec<Space>> for Iteration {
    fn from(spaces: Vec<Space>) -> Self {
        Self { spaces }
    }
}

impl Iteration {
    /// A sum of products.
    pub(super) fn product([a, b]: [Map; 2], result: Map) -> Self {
        Space::new(Body::SumOfProducts, 2, &[&a, &b], &[&result]).into()
    }

    /// One function of the values of all inputs at the same place, with so many floating-point operations.
    pub(super) fn pointwise(flops: u64, axes: &OperandAxes) -> Self {
        let place = at(axes.outputs[0]);
        let reads: Vec<Map> = (0..axes.inputs.len())
            .map(|input| Operand::Input(input).at(&place[..]))
            .collect();
        let reads: Vec<&Map> = reads.iter().collect();
        Space::each(flops, &reads, &[&Operand::Output(0).at(place)]).into()
    }
}
