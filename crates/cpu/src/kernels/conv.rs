//! What convolutions forward and the gradients of their inputs share. Each is one product of a register
//! tile over the parts of the window that meet the image (or zeros for padding, if it is not left out).
//!
//! Weights (O, C, taps) are stored as `[⌈O/16⌉][tap][C][16]`, images as `[position][channel][sample]`.
//! Forward and input gradient read weights one by one and images in blocks of samples, so one order
//! of the weights serves both, and padding costs nothing: every position has its own list of
//! segments.

use std::ops::Range;

use super::{
    Images, Tiles,
    piece_sums::{Growing, PieceSums, Pieces},
    product::{Blocks, Finish, Multiply, Scalars, Segment, product},
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

    /// All lists, in order.
    #[cfg(test)]
    pub(crate) fn lists(&self) -> impl Iterator<Item = &[Segment]> {
        (0..self.ends.len()).map(|index| self.list(index))
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

/// What a product reads. Methods must be `#[inline(always)]`; of those that are unsafe, the safety is that
/// of [`super::Run::run`].
pub(super) trait Operands<S: Simd> {
    type Multiply: Multiply<S>;
    const MULTIPLY: Self::Multiply;

    fn images(&self) -> Images;

    /// For each position of the results: runs of weights and of the images.
    fn segments(&self) -> &Segments;

    /// How many values of weights a slice reads at every position.
    fn slice_values(&self) -> usize;

    /// The values of scratch, from the start, in which weights are made ready; 0 where they are read
    /// in place.
    fn scratch_values(&self) -> usize;

    /// Makes the weights of a slice ready, the `index`-th in the scratch.
    unsafe fn prepare(&self, s: S, view: View, slice: usize, index: usize);

    /// Where they are.
    unsafe fn scalars(&self, view: View, slice: usize, index: usize) -> Scalars;
}

/// What becomes of a product's results, slice by slice. All methods must be `#[inline(always)]`; of those
/// that are unsafe, the safety is that of [`super::Run::run`].
pub(super) trait Results<S: Simd> {
    /// What a slice keeps in the scratch from its first position to its last.
    type Kept;
    type Finish: Finish<S>;

    /// Where they are stored.
    fn images(&self) -> Images;

    /// The pieces of the positions that slices are cut into.
    fn tiles(&self) -> Tiles;

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

    /// When they are stored, all of a slice at a position.
    unsafe fn stored(&self, s: S, view: View, slice: usize, position: usize);

    /// The pieces in which a norm's sums are made, where some are.
    fn pieces(&self) -> Option<Pieces>;

    /// What grows of these sums in what a slice keeps.
    unsafe fn growing(kept: *mut Self::Kept) -> *mut Growing;

    /// Takes the sums of one of these pieces.
    unsafe fn take_sums(
        &self,
        view: View,
        slice: usize,
        piece: (Pieces, usize),
        sums: &PieceSums,
        kept: *mut Self::Kept,
    );

    /// Behind the last position.
    unsafe fn end(&self, s: S, view: View, slice: usize, kept: *mut Self::Kept);
}

/// Does those tiles of the range that there are.
///
/// # Safety
/// As of [`super::Run::run`].
#[inline(always)]
pub(super) unsafe fn convolve<S: Simd, O: Operands<S>, R: Results<S>>(
    s: S,
    view: View,
    tiles: Range<usize>,
    operands: &O,
    results: &R,
) {
    for (slices, positions) in results.images().parts(results.tiles(), tiles) {
        // SAFETY: the caller's promise.
        unsafe { convolve_at(s, view, slices, positions, operands, results) }
    }
}

/// Does these slices, all of them there, at these positions.
///
/// # Safety
/// As of [`super::Run::run`].
#[inline(always)]
unsafe fn convolve_at<S: Simd, O: Operands<S>, R: Results<S>>(
    s: S,
    view: View,
    slices: Range<usize>,
    positions: Range<usize>,
    operands: &O,
    results: &R,
) {
    let (x, y) = (operands.images(), results.images());
    let (slice_values, scratch_values) = (operands.slice_values(), operands.scratch_values());
    // Slices are done in turn at every position, or one after another, whichever reads fewer values
    // again: all of the images for every slice, or a slice's weights at every position.
    let at_once = if x.values() <= positions.len() * slice_values {
        1
    } else if scratch_values == 0 {
        usize::MAX
    } else {
        scratch_values / slice_values
    };
    let pieces = results.pieces();
    for start in slices.clone().step_by(at_once) {
        let turn = start..slices.end.min(start.saturating_add(at_once));
        // SAFETY: the caller's promise; the Schedule's scratch has room for what a turn needs, and
        // behind it for what its slices keep; the segments stay within the images and the weights.
        unsafe {
            let kept: *mut R::Kept = view.scratch().add(scratch_values).cast();
            for (index, slice) in turn.clone().enumerate() {
                operands.prepare(s, view, slice, index);
                results.begin(s, view, slice, kept.add(index));
            }
            let mut run = positions.start..positions.start;
            while run.end < positions.end {
                let end = pieces.map_or(positions.end, |pieces| pieces.run_end(run.end));
                run = run.end..end.min(positions.end);
                for position in run.clone() {
                    for (index, slice) in turn.clone().enumerate() {
                        let blocks = Blocks {
                            start: view.at(x.place),
                            step_stride: x.stride,
                            block_stride: LANES,
                        };
                        product(
                            s,
                            O::MULTIPLY,
                            0..LANES.min(y.channels - slice * LANES),
                            0..y.sample_blocks(),
                            operands.segments().list(position),
                            operands.scalars(view, slice, index),
                            blocks,
                            &results.finish(s, view, slice, position, kept.add(index)),
                        );
                        results.stored(s, view, slice, position);
                    }
                }
                if let Some(pieces) = pieces {
                    let piece = pieces.ended(run.end);
                    for (index, slice) in turn.clone().enumerate() {
                        let kept = kept.add(index);
                        let sums = (*R::growing(kept)).end_run(s, y, piece.is_some());
                        if let (Some(piece), Some(sums)) = (piece, sums) {
                            results.take_sums(view, slice, (pieces, piece), &sums, kept);
                        }
                    }
                }
            }
            for (index, slice) in turn.enumerate() {
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

    /// The first value of the channel `row` behind the first.
    ///
    /// # Safety
    /// The images are not paired, and have this channel.
    #[inline(always)]
    pub(super) unsafe fn first(self, row: usize) -> *const f32 {
        // SAFETY: the caller's promise.
        unsafe { self.start.add(row * self.stride) }
    }

    /// Asks for a block's cache line.
    #[inline(always)]
    pub(super) fn prefetch<S: Simd>(self, s: S, row: usize, block: usize) {
        let row = if self.paired { row / 2 } else { row };
        s.prefetch(self.start.wrapping_add(row * self.stride + block * LANES));
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
