//! What convolutions forward and the gradients of their inputs share. Each is one product of a register
//! tile over the parts of the window that meet the image (or zeros for padding, if it is not left out).
//!
//! Weights (O, C, taps) are stored as `[⌈O/16⌉][tap][C][16]`, images as `[position][channel][sample]`.
//! Forward and input gradient read weights one by one and images in blocks of samples, so one order
//! of the weights serves both, and padding costs nothing: every position has its own list of
//! segments.

use std::ops::Range;

use super::{
    Images,
    product::{Finish, Segment},
};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// Lists of segments, one for each position or tap.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Segments {
    pub(crate) all: Vec<Segment>,
    /// Where each list ends in `all`, and the next one begins.
    pub(crate) ends: Vec<usize>,
}

impl Segments {
    pub(crate) fn end_list(&mut self) {
        self.ends.push(self.all.len());
    }

    #[inline(always)]
    pub(super) fn list(&self, index: usize) -> &[Segment] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.all[start..self.ends[index]]
    }
}

/// The weights of a convolution in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filters {
    pub(crate) place: Place,
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    pub(crate) taps: usize,
}

impl Filters {
    /// Values from one block of sixteen outputs to the next.
    pub(crate) fn block_stride(self) -> usize {
        self.taps * self.inputs * LANES
    }
}

/// How a product reads its operands.
pub(super) trait Operands {
    /// How many slices are done in turn at every position, before others are: few where reading the
    /// images again is cheaper than reading the weights again.
    fn slices_in_turn(&self) -> usize;

    /// Values of scratch that a turn needs, from the start.
    fn scratch_values(&self) -> usize;

    /// Makes ready what a turn reads. Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// As of [`super::Run::run`].
    unsafe fn prepare<S: Simd>(&self, s: S, view: View, turn: Range<usize>);

    /// Does the `index`-th slice of a turn at a position. Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// As of [`super::Run::run`]; and the turn is prepared.
    unsafe fn multiply<S: Simd>(
        &self,
        s: S,
        view: View,
        turn: &Range<usize>,
        index: usize,
        position: usize,
        finish: &impl Finish<S>,
    );
}

/// What becomes of a product's results, slice by slice. All methods must be `#[inline(always)]`; of those
/// that are unsafe, the safety is that of [`super::Run::run`].
pub(super) trait Results<S: Simd> {
    /// What a slice keeps in the scratch from its first position to its last.
    type Kept;
    type Finish: Finish<S>;

    /// Where they are stored.
    fn images(&self) -> Images;

    /// Before the first position.
    unsafe fn begin(&self, s: S, view: View, slice: usize, kept: *mut Self::Kept);

    /// What is done while they are in registers.
    unsafe fn finish(
        &self,
        s: S,
        view: View,
        slice: usize,
        position: usize,
        kept: *mut Self::Kept,
    ) -> Self::Finish;

    /// Behind the last position.
    unsafe fn end(&self, s: S, view: View, slice: usize, kept: *mut Self::Kept);
}

/// Does those slices of the range that there are.
///
/// # Safety
/// As of [`super::Run::run`].
#[inline(always)]
pub(super) unsafe fn convolve<S: Simd, R: Results<S>>(
    s: S,
    view: View,
    slices: Range<usize>,
    operands: &impl Operands,
    results: &R,
) {
    let Images {
        positions,
        channels,
        ..
    } = results.images();
    let slices = slices.start..slices.end.min(channels.div_ceil(LANES));
    let at_once = operands.slices_in_turn();
    for start in slices.clone().step_by(at_once) {
        let turn = start..slices.end.min(start.saturating_add(at_once));
        // SAFETY: the caller's promise; the Schedule's scratch has room for what a turn needs, and
        // behind it for what its slices keep.
        unsafe {
            let kept: *mut R::Kept = view.scratch().add(operands.scratch_values()).cast();
            operands.prepare(s, view, turn.clone());
            for (index, slice) in turn.clone().enumerate() {
                results.begin(s, view, slice, kept.add(index));
            }
            for position in 0..positions {
                for (index, slice) in turn.clone().enumerate() {
                    let finish = results.finish(s, view, slice, position, kept.add(index));
                    operands.multiply(s, view, &turn, index, position, &finish);
                }
            }
            for (index, slice) in turn.clone().enumerate() {
                results.end(s, view, slice, kept.add(index));
            }
        }
    }
}

/// Sixteen channels of images at one position, single or paired, shaped like what is accumulated.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    start: *mut f32,
    stride: usize,
    paired: bool,
}

impl Beside {
    /// From `channel` on, a multiple of sixteen.
    ///
    /// # Safety
    /// The images have this position and this channel.
    #[inline(always)]
    pub(super) unsafe fn new(images: Images, view: View, position: usize, channel: usize) -> Self {
        // SAFETY: the caller's promise.
        let start = unsafe {
            if images.paired {
                images.pair_at(view, position, channel / 2)
            } else {
                images.at(view, position, channel)
            }
        };
        Self {
            start,
            stride: images.stride,
            paired: images.paired,
        }
    }

    /// A block of the channel `row` behind the first.
    ///
    /// # Safety
    /// The images have this channel and this block.
    #[inline(always)]
    pub(super) unsafe fn load<S: Simd>(self, s: S, row: usize, block: usize) -> S::Block {
        // SAFETY: the caller's promise.
        unsafe {
            if !self.paired {
                return s.load(self.start.add(row * self.stride + block * LANES));
            }
            let pairs = s.load(self.start.add(row / 2 * self.stride + block * LANES));
            if row.is_multiple_of(2) {
                s.low(pairs)
            } else {
                s.high(pairs)
            }
        }
    }

    /// Stores a block of the channel `row` behind the first; of paired images, an even one before the
    /// one behind it.
    ///
    /// # Safety
    /// The images have this channel and this block.
    #[inline(always)]
    pub(super) unsafe fn store<S: Simd>(self, s: S, row: usize, block: usize, value: S::Block) {
        // SAFETY: the caller's promise.
        unsafe {
            if !self.paired {
                return s.store(self.start.add(row * self.stride + block * LANES), value);
            }
            let to = self.start.add(row / 2 * self.stride + block * LANES);
            let pairs = if row.is_multiple_of(2) {
                s.pair(value, s.splat(0.0))
            } else {
                s.pair(s.low(s.load(to)), value)
            };
            s.store(to, pairs);
        }
    }
}
