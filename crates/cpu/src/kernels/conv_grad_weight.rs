//! The gradient of a convolution's weights, of single images. Its sum runs over samples, so it turns its
//! slice of dy over first.

use std::ops::Range;

use super::{
    Images, Run, Step, Tiles,
    conv::{Filters, Segments},
    product::{Blocks, Finish, Scalars, Single, product},
    update::{GradientUse, Rule, with_rule},
};
use crate::{
    memory::View,
    simd::{LANES, Simd},
};

/// dw = the gradient of the convolution's weights, stored, or used up by the update where that is
/// fused in. Slices are sixteen filters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conv2dGradWeight {
    pub(crate) x: Images,
    pub(crate) dy: Images,
    pub(crate) w: Filters,
    pub(crate) to: GradientUse,
    /// For each tap: runs of samples, from x and from the turned dy of one filter. A dead tap that
    /// is left out has none; its gradient is 0, and its weights are left alone where the update does so.
    pub(crate) segments: Segments,
    /// Pieces of the taps, or of the inputs.
    pub(crate) tiles: Tiles,
    pub(crate) by_inputs: bool,
}

/// Slices turned over and multiplied at once: the tile is two blocks wide.
pub(crate) const TURNED_SLICES: usize = 2;

/// The same of so many outputs.
pub(crate) fn turned_slices(outputs: usize) -> usize {
    TURNED_SLICES.min(outputs.div_ceil(LANES))
}

/// The bytes that slices of dy take when they are turned over, of so many values a channel.
pub(crate) fn turned_bytes(values: usize) -> usize {
    values * TURNED_SLICES * LANES * 4
}

impl Run for Conv2dGradWeight {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let Self { x, w, .. } = *self;
        let turned = turned_slices(w.outputs);
        for (slices, [taps, inputs]) in self.pieces(slices) {
            let (first, count) = (slices.start, slices.len());
            // SAFETY: the scratch has room for the turned slices, the weights have these slices,
            // and the segments stay within x and the scratch.
            unsafe {
                self.turn(s, view, slices, 0..self.dy.positions);
                let b = Blocks {
                    start: view.scratch(),
                    step_stride: turned * LANES,
                    block_stride: LANES,
                };
                with_rule!(&self.to, s, step, view, |rule| {
                    for tap in taps.clone() {
                        let segments = self.segments.list(tap);
                        if segments.is_empty() && self.to.leaves_alone() {
                            continue;
                        }
                        let a = Scalars {
                            start: view.at(x.place),
                            row_stride: x.stride,
                            step_stride: 1,
                        };
                        let finish = Apply {
                            rule,
                            at: first * w.block_stride() + tap * w.inputs * LANES,
                            stride: w.block_stride(),
                        };
                        product(s, Single, inputs.clone(), 0..count, segments, a, b, &finish);
                    }
                });
            }
        }
    }
}

impl Conv2dGradWeight {
    /// What tiles of a range are: slices that are turned over at once, with the taps and the inputs of each.
    #[inline(always)]
    pub(super) fn pieces(
        &self,
        tiles: Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, [Range<usize>; 2])> {
        let (w, by_inputs) = (self.w, self.by_inputs);
        let turned = turned_slices(w.outputs);
        let extent = if by_inputs { w.inputs } else { w.taps };
        let tiles = self.tiles.of(tiles, w.outputs.div_ceil(LANES), extent);
        tiles.flat_map(move |(slices, piece)| {
            let parts = match by_inputs {
                true => [0..w.taps, piece],
                false => [piece, 0..w.inputs],
            };
            let firsts = slices.clone().step_by(turned);
            firsts.map(move |first| (first..slices.end.min(first + turned), parts.clone()))
        })
    }

    /// Copies slices of dy into the scratch, turned over: `[position][sample][filter]`.
    ///
    /// # Safety
    /// As of [`Run::run`]; the scratch has room for so many positions.
    #[inline(always)]
    pub(super) unsafe fn turn<S: Simd>(
        &self,
        s: S,
        view: View,
        slices: Range<usize>,
        positions: Range<usize>,
    ) {
        let dy = self.dy;
        let at_once = turned_slices(self.w.outputs);
        for (place, position) in positions.enumerate() {
            for (index, slice) in slices.clone().enumerate() {
                let channels = dy.channels_of(slice..slice + 1);
                for block in 0..dy.sample_blocks() {
                    let mut tile = [s.splat(0.0); LANES];
                    // SAFETY: dy has these channels at this position, and the scratch has room
                    // for all positions and samples of the slices.
                    unsafe {
                        for (row, channel) in tile.iter_mut().zip(channels.clone()) {
                            *row = s.load(dy.at(view, position, channel).add(block * LANES));
                        }
                        let sample = place * dy.stride + block * LANES;
                        let to = view.scratch().add((sample * at_once + index) * LANES);
                        for (row, turned) in s.transpose(tile).into_iter().enumerate() {
                            s.store(to.add(row * at_once * LANES), turned);
                        }
                    }
                }
            }
        }
    }
}

/// Uses the gradient in the layout of the weights.
pub(super) struct Apply<R> {
    pub(super) rule: R,
    pub(super) at: usize,
    pub(super) stride: usize,
}

/// How many input channels ahead weights and moments are fetched: a tile, because in the last stages
/// they come from memory, and a tile there takes as long as memory does to answer.
const INPUTS_AHEAD: usize = 8;

impl<S: Simd, R: Rule<S>> Finish<S> for Apply<R> {
    #[inline(always)]
    fn prefetch(&self, _: S, inputs: Range<usize>, blocks: Range<usize>) {
        for input in inputs {
            for block in blocks.clone() {
                let at = self.at + block * self.stride + (input + INPUTS_AHEAD) * LANES;
                self.rule.prefetch(at);
            }
        }
    }

    #[inline(always)]
    unsafe fn finish(&self, _: S, input: usize, block: usize, sum: S::Block) {
        // SAFETY: the weights have this block of filters for this input channel.
        unsafe {
            self.rule
                .apply(self.at + block * self.stride + input * LANES, sum)
        }
    }
}
