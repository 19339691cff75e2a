//! Convolutions on bfloat16: forward, and the gradients of input and weights.
//!
//! Two values that follow each other in a sum share 32 bits, so that one instruction multiplies and
//! adds 32 of them. Images lie in pairs of channels, `[position][channel/2][sample][2]`, as their
//! makers wrote them. That serves the two products whose sums run over channels. Weights are in single
//! precision; those of a few slices at a time are rounded and paired into *panels* in the scratch,
//! small enough for the first caches, so that no second copy of them is ever in memory. The weight
//! gradient's sum runs over samples: images are turned into pairs of samples there.

use std::ops::Range;

use super::{
    Conv2d, Conv2dGradInput, Conv2dGradWeight, Images, Run, Step, TURNED_SLICES,
    conv::{Filters, Operands, Segments, convolve},
    conv_grad_weight::Apply,
    product::{Blocks, Pairwise, Scalars, product},
    update::{GradientUse, with_rule},
};
use crate::{
    memory::View,
    simd::{LANES, Simd},
};

/// The values of the panels that are made at once, where a slice's is not larger: 128 KiB.
const PANEL_VALUES: usize = 32 << 10;

/// A panel as a product reads it.
///
/// # Safety
/// The scratch has a panel from this value on.
#[inline(always)]
unsafe fn panel_scalars(view: View, start: usize) -> Scalars {
    Scalars {
        // SAFETY: the caller's promise.
        start: unsafe { view.scratch().add(start) },
        row_stride: 1,
        step_stride: LANES,
    }
}

/// The bytes of scratch for panels of so many values.
pub(crate) fn panel_bytes(panel_values: usize) -> usize {
    PANEL_VALUES.max(panel_values) * 4
}

/// The values (of two weights each) in the panel of one slice of filters.
pub(crate) fn forward_panel(taps: usize, inputs: usize) -> usize {
    taps * inputs.div_ceil(2) * LANES
}

/// The values (of two weights each) in the panel of one slice of input channels.
pub(crate) fn gradient_panel(taps: usize, outputs: usize) -> usize {
    taps * panel_pairs(outputs) * LANES
}

/// Pairs of filters for one tap of a panel, in whole blocks.
pub(crate) fn panel_pairs(outputs: usize) -> usize {
    outputs.next_multiple_of(2 * LANES) / 2
}

/// Values (of two samples each) from one channel to the next in images turned into pairs of samples.
pub(crate) fn turned_stride(stride: usize) -> usize {
    stride.next_multiple_of(2 * LANES) / 2
}

/// The bytes of scratch that a weight gradient turns images into: all of x, and two slices of dy.
/// Both are extents (positions, channels), of x and dy, samples being `stride` apart.
pub(crate) fn turned_pairs_bytes(x: (usize, usize), dy_positions: usize, stride: usize) -> usize {
    (x.0 * x.1 + dy_positions * TURNED_SLICES * LANES) * turned_stride(stride) * 4
}

/// As [`Conv2d`], of paired images.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PairedConv2d {
    pub(crate) conv: Conv2d,
    /// The taps that meet the image.
    pub(crate) taps: Vec<u32>,
}

impl Run for PairedConv2d {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        // SAFETY: the caller's promise.
        unsafe { convolve(s, view, slices, self, &self.conv) }
    }
}

impl<S: Simd> Operands<S> for PairedConv2d {
    type Multiply = Pairwise;
    const MULTIPLY: Pairwise = Pairwise;

    #[inline(always)]
    fn images(&self) -> Images {
        self.conv.x
    }

    #[inline(always)]
    fn segments(&self) -> &Segments {
        &self.conv.segments
    }

    #[inline(always)]
    fn slice_values(&self) -> usize {
        self.panel()
    }

    #[inline(always)]
    fn scratch_values(&self) -> usize {
        PANEL_VALUES.max(self.panel())
    }

    #[inline(always)]
    unsafe fn prepare(&self, s: S, view: View, slice: usize, index: usize) {
        // SAFETY: the caller's promise: the weights have this slice, and the scratch the panel.
        unsafe { self.fill(s, view, slice, view.scratch().add(index * self.panel())) }
    }

    #[inline(always)]
    unsafe fn scalars(&self, view: View, _: usize, index: usize) -> Scalars {
        // SAFETY: the caller's promise: the scratch has the panel.
        unsafe { panel_scalars(view, index * self.panel()) }
    }
}

impl PairedConv2d {
    fn panel(&self) -> usize {
        forward_panel(self.conv.w.taps, self.conv.w.inputs)
    }

    /// Rounds a slice of filters into its panel, `[tap][input/2][filter][2]`.
    #[inline(always)]
    unsafe fn fill<S: Simd>(&self, s: S, view: View, slice: usize, panel: *mut f32) {
        let Filters { inputs, .. } = self.conv.w;
        let pairs = inputs.div_ceil(2);
        // SAFETY: the caller's promise: the slice has these taps and inputs, the panel their pairs.
        unsafe {
            let from = view
                .at(self.conv.w.place)
                .add(slice * self.conv.w.block_stride());
            for tap in self.taps.iter().map(|tap| *tap as usize) {
                let from = from.add(tap * inputs * LANES);
                let to = panel.add(tap * pairs * LANES);
                for pair in 0..inputs / 2 {
                    let first = s.load(from.add(2 * pair * LANES));
                    let second = s.load(from.add((2 * pair + 1) * LANES));
                    s.store(to.add(pair * LANES), s.pair(first, second));
                }
                if inputs % 2 == 1 {
                    let last = s.load(from.add((inputs - 1) * LANES));
                    s.store(to.add((pairs - 1) * LANES), s.pair(last, s.splat(0.0)));
                }
            }
        }
    }
}

/// As [`Conv2dGradInput`], of a paired dy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PairedConv2dGradInput {
    pub(crate) conv: Conv2dGradInput,
    /// The taps that meet the image.
    pub(crate) taps: Vec<u32>,
}

impl Run for PairedConv2dGradInput {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        // SAFETY: the caller's promise.
        unsafe {
            convolve(s, view, slices.clone(), self, &self.conv);
            self.conv.leave_sums(s, view, slices);
        }
    }
}

impl<S: Simd> Operands<S> for PairedConv2dGradInput {
    type Multiply = Pairwise;
    const MULTIPLY: Pairwise = Pairwise;

    #[inline(always)]
    fn images(&self) -> Images {
        self.conv.dy
    }

    #[inline(always)]
    fn segments(&self) -> &Segments {
        &self.conv.segments
    }

    #[inline(always)]
    fn slice_values(&self) -> usize {
        self.panel()
    }

    #[inline(always)]
    fn scratch_values(&self) -> usize {
        PANEL_VALUES.max(self.panel())
    }

    #[inline(always)]
    unsafe fn prepare(&self, s: S, view: View, slice: usize, index: usize) {
        // SAFETY: the caller's promise: the weights have these channels, and the scratch the panel.
        unsafe { self.fill(s, view, slice, view.scratch().add(index * self.panel())) }
    }

    #[inline(always)]
    unsafe fn scalars(&self, view: View, _: usize, index: usize) -> Scalars {
        // SAFETY: the caller's promise: the scratch has the panel.
        unsafe { panel_scalars(view, index * self.panel()) }
    }
}

/// How many blocks of filters ahead weights are fetched for a panel: a kilobyte here, a kilobyte there
/// is no pattern that a processor's prefetcher follows.
const BLOCKS_AHEAD: usize = 4;

impl PairedConv2dGradInput {
    fn panel(&self) -> usize {
        gradient_panel(self.conv.w.taps, self.conv.w.outputs)
    }

    /// Rounds the weights of a slice of input channels into its panel,
    /// `[tap][filter/2][channel][2]`.
    #[inline(always)]
    unsafe fn fill<S: Simd>(&self, s: S, view: View, slice: usize, panel: *mut f32) {
        let w = self.conv.w;
        let channels = self.conv.dx.channels_of(slice..slice + 1);
        let blocks = w.outputs.div_ceil(LANES);
        let start = view.at(w.place);
        for tap in self.taps.iter().map(|tap| *tap as usize) {
            for block in (0..blocks).step_by(2) {
                let mut rows = [s.splat(0.0); LANES];
                // SAFETY: the weights have these blocks, this tap and these channels; the panel
                // has whole blocks of pairs.
                unsafe {
                    for (row, channel) in rows.iter_mut().zip(channels.clone()) {
                        let at = (tap * w.inputs + channel) * LANES;
                        let at = |block: usize| start.wrapping_add(block * w.block_stride() + at);
                        s.prefetch(at(block + BLOCKS_AHEAD));
                        s.prefetch(at(block + BLOCKS_AHEAD + 1));
                        let first = s.load(at(block));
                        let second = if block + 1 < blocks {
                            s.load(at(block + 1))
                        } else {
                            s.splat(0.0)
                        };
                        *row = s.pack(first, second);
                    }
                    let to = panel.add((tap * panel_pairs(w.outputs) + block * LANES / 2) * LANES);
                    for (pair, turned) in s.transpose(rows).into_iter().enumerate() {
                        s.store(to.add(pair * LANES), turned);
                    }
                }
            }
        }
    }
}

/// As [`Conv2dGradWeight`], of paired images.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PairedConv2dGradWeight(pub(crate) Conv2dGradWeight);

impl Run for PairedConv2dGradWeight {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let Conv2dGradWeight {
            x, dy, w, tiles, ..
        } = self.0;
        let stride = turned_stride(x.stride);
        let turned_x = view.scratch();
        // The inputs that are turned over already.
        let mut turned = 0..0;
        let tiles = tiles.of(slices, w.outputs.div_ceil(LANES), w.inputs);
        let parts = tiles.flat_map(|(slices, inputs)| {
            let firsts = slices.clone().step_by(TURNED_SLICES);
            firsts.map(move |first| (first, slices.end, inputs.clone()))
        });
        for (first, end, inputs) in parts {
            let count = TURNED_SLICES.min(end - first);
            // SAFETY: the scratch has room for all of x and then for the turned slices of dy; the
            // weights have these slices, and the segments stay within both.
            unsafe {
                let turned_dy = turned_x.add(x.positions * x.channels * stride);
                if inputs.start < turned.start || turned.end < inputs.end {
                    turn_to_scalars(s, view, x, inputs.clone(), turned_x);
                    turned = inputs.clone();
                }
                turn_to_blocks(s, view, dy, first..first + count, turned_dy);
                let b = Blocks {
                    start: turned_dy,
                    step_stride: TURNED_SLICES * LANES,
                    block_stride: LANES,
                };
                with_rule!(&self.0.to, s, step, view, |rule| {
                    for tap in 0..w.taps {
                        let segments = self.0.segments.list(tap);
                        if segments.is_empty() && self.0.to.leaves_alone() {
                            continue;
                        }
                        let a = Scalars {
                            start: turned_x,
                            row_stride: stride,
                            step_stride: 1,
                        };
                        let finish = Apply {
                            rule,
                            at: first * w.block_stride() + tap * w.inputs * LANES,
                            stride: w.block_stride(),
                        };
                        let inputs = inputs.clone();
                        product(s, Pairwise, inputs, 0..count, segments, a, b, &finish);
                    }
                });
            }
        }
    }
}

/// Thirty-two samples of a pair of channels, as pairs of samples: of the one, and of the other.
/// Samples beyond the last are 0, because one may be in a pair with the last.
#[inline(always)]
unsafe fn sample_pairs<S: Simd>(
    s: S,
    view: View,
    images: Images,
    position: usize,
    pair: usize,
    start: usize,
) -> (S::Block, S::Block) {
    let block = |start: usize| {
        if start >= images.stride {
            return s.splat(0.0);
        }
        // SAFETY: the images have this pair of channels, and whole blocks of samples.
        let block = unsafe { s.load(images.pair_at(view, position, pair).add(start)) };
        match images.samples.saturating_sub(start) {
            LANES.. => block,
            inside => s.keep(s.first(inside), block),
        }
    };
    let (first, second) = (block(start), block(start + LANES));
    (
        s.pack(s.low(first), s.low(second)),
        s.pack(s.high(first), s.high(second)),
    )
}

/// Turns these channels of images, and those that share their lanes, into `[position][channel][sample/2][2]`.
#[inline(always)]
unsafe fn turn_to_scalars<S: Simd>(
    s: S,
    view: View,
    images: Images,
    channels: Range<usize>,
    to: *mut f32,
) {
    let stride = turned_stride(images.stride);
    let first = channels.start / 2 * 2;
    for position in 0..images.positions {
        for channel in (first..channels.end).step_by(2) {
            for block in (0..stride).step_by(LANES) {
                // SAFETY: the images have this pair of channels, and `to` has room for all.
                unsafe {
                    let (low, high) =
                        sample_pairs(s, view, images, position, channel / 2, 2 * block);
                    let to = to.add((position * images.channels + channel) * stride + block);
                    s.store(to, low);
                    if channel + 1 < images.channels {
                        s.store(to.add(stride), high);
                    }
                }
            }
        }
    }
}

/// Turns slices of images into `[position][sample/2][slice][channel][2]`.
#[inline(always)]
unsafe fn turn_to_blocks<S: Simd>(
    s: S,
    view: View,
    images: Images,
    slices: Range<usize>,
    to: *mut f32,
) {
    let stride = turned_stride(images.stride);
    for position in 0..images.positions {
        for (index, slice) in slices.clone().enumerate() {
            let channels = images.channels_of(slice..slice + 1);
            for block in (0..stride).step_by(LANES) {
                let mut rows = [s.splat(0.0); LANES];
                // SAFETY: the images have these channels, and `to` has room for whole slices.
                unsafe {
                    for (rows, channel) in rows.chunks_exact_mut(2).zip(channels.clone().step_by(2))
                    {
                        let (low, high) =
                            sample_pairs(s, view, images, position, channel / 2, 2 * block);
                        rows[0] = low;
                        rows[1] = high;
                    }
                    let sample = position * stride + block;
                    let to = to.add((sample * TURNED_SLICES + index) * LANES);
                    for (row, turned) in s.transpose(rows).into_iter().enumerate() {
                        s.store(to.add(row * TURNED_SLICES * LANES), turned);
                    }
                }
            }
        }
    }
}
