//! Convolutions: forward, and the gradients of input and weights, each one product of a register
//! tile over the parts of the window that meet the image (or zeros for padding, if it is not left out).
//!
//! Weights (O, C, taps) are stored as `[⌈O/16⌉][tap][C][16]`, images as `[position][channel][sample]`.
//! Forward and input gradient read weights one by one and images in blocks of samples, so one order
//! of the weights serves both, and padding costs nothing: every position has its own list of
//! segments. Only the weight gradient, whose sum runs over samples, turns its slice of dy over first.

use std::ops::Range;

use super::{
    Images, Run, Step,
    product::{Blocks, Finish, Scalars, Segment, Single, product},
    update::{GradientUse, Rule, with_rule},
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

/// y = the convolution of x with w, with bias and ReLU where they are fused in. Slices are sixteen
/// filters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conv2d {
    pub(crate) x: Images,
    pub(crate) w: Filters,
    pub(crate) y: Images,
    pub(crate) bias: Option<Place>,
    pub(crate) relu: bool,
    /// For each position of y: runs of taps and channels, from the filters' block and from x.
    pub(crate) segments: Segments,
}

impl Run for Conv2d {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let Self { x, w, y, .. } = *self;
        let slices = slices.start..slices.end.min(w.outputs.div_ceil(LANES));
        let image_values = x.positions * x.position_stride();
        let pairs = Pairs::new(slices, y.positions, w.block_stride(), image_values);
        for index in 0..pairs.count() {
            let (slice, position) = pairs.pair(index);
            let filters = slice * LANES..w.outputs.min((slice + 1) * LANES);
            // SAFETY: w has this slice, y these filters and this position; the segments stay
            // within x and the slice.
            unsafe {
                let a = Scalars {
                    start: view.at(w.place).add(slice * w.block_stride()),
                    row_stride: 1,
                    step_stride: LANES,
                };
                let b = Blocks {
                    start: view.at(x.place),
                    step_stride: x.stride,
                    block_stride: LANES,
                };
                let finish = Activate {
                    to: y.at(view, position, filters.start),
                    stride: y.stride,
                    bias: self
                        .bias
                        .map(|bias| view.at(bias).add(filters.start).cast_const()),
                    relu: self.relu,
                };
                let segments = self.segments.list(position);
                product(
                    s,
                    Single,
                    0..filters.len(),
                    0..y.sample_blocks(),
                    segments,
                    a,
                    b,
                    &finish,
                );
            }
        }
    }
}

/// All pairs of a slice and a position, in the order that reads fewer values again: of one slice's
/// weights for every position, or of all of the images for every slice.
pub(super) struct Pairs {
    slices: Range<usize>,
    positions: usize,
    slices_first: bool,
}

impl Pairs {
    pub(super) fn new(
        slices: Range<usize>,
        positions: usize,
        slice_values: usize,
        image_values: usize,
    ) -> Self {
        Self {
            slices_first: image_values <= positions * slice_values,
            slices,
            positions,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.slices.len() * self.positions
    }

    /// The slice and the position of a pair.
    #[inline(always)]
    pub(super) fn pair(&self, index: usize) -> (usize, usize) {
        if self.slices_first {
            (
                self.slices.start + index / self.positions,
                index % self.positions,
            )
        } else {
            let slices = self.slices.len();
            (self.slices.start + index % slices, index / slices)
        }
    }
}

/// Adds the filter's bias, applies ReLU, stores.
pub(super) struct Activate {
    pub(super) to: *mut f32,
    pub(super) stride: usize,
    pub(super) bias: Option<*const f32>,
    pub(super) relu: bool,
}

impl<S: Simd> Finish<S> for Activate {
    #[inline(always)]
    unsafe fn finish(&self, s: S, row: usize, block: usize, sum: S::Block) {
        // SAFETY: the bias has this filter, and y this filter and block.
        unsafe {
            let sum = match self.bias {
                Some(bias) => s.add(sum, s.splat(*bias.add(row))),
                None => sum,
            };
            let sum = if self.relu {
                s.max(s.splat(0.0), sum)
            } else {
                sum
            };
            s.store(self.to.add(row * self.stride + block * LANES), sum);
        }
    }
}

/// dx = the gradient of the convolution's input, with another gradient added and ReLU's gradient
/// applied where they are fused in. Slices are sixteen channels of x.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conv2dGradInput {
    pub(crate) dy: Images,
    pub(crate) w: Filters,
    pub(crate) dx: Images,
    /// The gradient that another reader of x gave.
    pub(crate) other: Option<Images>,
    /// ReLU's output, shaped like dx.
    pub(crate) relu: Option<Images>,
    /// For each position of x: runs of sixteen filters for each tap, from the filters and from dy.
    pub(crate) segments: Segments,
}

impl Run for Conv2dGradInput {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let Self { dy, w, dx, .. } = *self;
        let slices = slices.start..slices.end.min(dx.channels.div_ceil(LANES));
        let image_values = dy.positions * dy.position_stride();
        let pairs = Pairs::new(
            slices,
            dx.positions,
            w.taps * w.outputs * LANES,
            image_values,
        );
        for index in 0..pairs.count() {
            let (slice, position) = pairs.pair(index);
            let channels = dx.channels_of(slice..slice + 1);
            // SAFETY: w and dx have these channels, dx and what is shaped like it this position;
            // the segments stay within the filters and dy.
            unsafe {
                let a = Scalars {
                    start: view.at(w.place).add(channels.start * LANES),
                    row_stride: LANES,
                    step_stride: 1,
                };
                let b = Blocks {
                    start: view.at(dy.place),
                    step_stride: dy.stride,
                    block_stride: LANES,
                };
                let beside = |images: Option<Images>| {
                    images.map(|images| Beside::new(images, view, position, channels.start))
                };
                let finish = Accumulate {
                    to: dx.at(view, position, channels.start),
                    stride: dx.stride,
                    other: beside(self.other),
                    relu: beside(self.relu),
                };
                let segments = self.segments.list(position);
                product(
                    s,
                    Single,
                    0..channels.len(),
                    0..dx.sample_blocks(),
                    segments,
                    a,
                    b,
                    &finish,
                );
            }
        }
    }
}

/// Adds another gradient, applies ReLU's gradient, stores.
pub(super) struct Accumulate {
    pub(super) to: *mut f32,
    pub(super) stride: usize,
    pub(super) other: Option<Beside>,
    pub(super) relu: Option<Beside>,
}

/// Sixteen channels of images at one position, single or paired, shaped like what is accumulated.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    start: *const f32,
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
    unsafe fn load<S: Simd>(self, s: S, row: usize, block: usize) -> S::Block {
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
}

impl<S: Simd> Finish<S> for Accumulate {
    #[inline(always)]
    unsafe fn finish(&self, s: S, row: usize, block: usize, sum: S::Block) {
        let at = row * self.stride + block * LANES;
        // SAFETY: dx and what is shaped like it have this channel and block.
        unsafe {
            let sum = match self.other {
                Some(other) => s.add(sum, other.load(s, row, block)),
                None => sum,
            };
            let sum = match self.relu {
                Some(y) => s.keep(s.greater(y.load(s, row, block), s.splat(0.0)), sum),
                None => sum,
            };
            s.store(self.to.add(at), sum);
        }
    }
}

/// dw = the gradient of the convolution's weights, stored, or used up by the update where that is
/// fused in. Slices are sixteen filters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conv2dGradWeight {
    pub(crate) x: Images,
    pub(crate) dy: Images,
    pub(crate) w: Filters,
    pub(crate) to: GradientUse,
    /// For each tap: runs of samples, from x and from the turned dy of one filter. A dead tap that
    /// is left out has none; its gradient is 0, and its weights are left alone.
    pub(crate) segments: Segments,
}

/// Slices turned over and multiplied at once: the tile is two blocks wide.
pub(crate) const TURNED_SLICES: usize = 2;

/// The bytes that slices of dy take when they are turned over, of so many values a channel.
pub(crate) fn turned_bytes(values: usize) -> usize {
    values * TURNED_SLICES * LANES * 4
}

impl Run for Conv2dGradWeight {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let Self { x, w, .. } = *self;
        let slices = slices.start..slices.end.min(w.outputs.div_ceil(LANES));
        for first in slices.clone().step_by(TURNED_SLICES) {
            let count = TURNED_SLICES.min(slices.end - first);
            // SAFETY: the scratch has room for the turned slices, the weights have these slices,
            // and the segments stay within x and the scratch.
            unsafe {
                self.turn(s, view, first..first + count);
                let b = Blocks {
                    start: view.scratch(),
                    step_stride: TURNED_SLICES * LANES,
                    block_stride: LANES,
                };
                with_rule!(&self.to, s, step, view, |rule| {
                    for tap in 0..w.taps {
                        let segments = self.segments.list(tap);
                        if segments.is_empty() && !matches!(self.to, GradientUse::Store(_)) {
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
                        product(s, Single, 0..w.inputs, 0..count, segments, a, b, &finish);
                    }
                });
            }
        }
    }
}

impl Conv2dGradWeight {
    /// Copies slices of dy into the scratch, turned over: `[position][sample][filter]`.
    #[inline(always)]
    unsafe fn turn<S: Simd>(&self, s: S, view: View, slices: Range<usize>) {
        let dy = self.dy;
        for position in 0..dy.positions {
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
                        let sample = position * dy.stride + block * LANES;
                        let to = view.scratch().add((sample * TURNED_SLICES + index) * LANES);
                        for (row, turned) in s.transpose(tile).into_iter().enumerate() {
                            s.store(to.add(row * TURNED_SLICES * LANES), turned);
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
    fn prefetch(&self, input: usize, block: usize) {
        self.rule
            .prefetch(self.at + block * self.stride + (input + INPUTS_AHEAD) * LANES);
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
