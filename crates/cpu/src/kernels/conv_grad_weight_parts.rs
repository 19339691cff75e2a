//! The gradient of a convolution's weights where images are large, or channels few: in parts of the positions, whose
//! dy stays in the nearest cache while it is turned over and multiplied with all taps; and with taps that are
//! neighbours in a row of the kernel as rows of one product, as their inputs are neighbours in memory.

use std::ops::Range;

use super::{
    Run, Step,
    conv_grad_weight::{Conv2dGradWeight, turned_slices},
    product::{Blocks, Finish, Scalars, Single, product},
    update::{GradientUse, Rule, with_rule},
};
use crate::{
    memory::View,
    simd::{LANES, Simd},
};

/// The bytes of dy that are turned over at once: most of the nearest cache.
const PART_BYTES: usize = 32 << 10;

/// As many turned bytes go through the second cache once for each tap without harm.
const BYTES_AT_ONCE: usize = 512 << 10;

/// How a gradient is made in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WeightParts {
    /// The positions of a part; the last one may have fewer.
    pub(crate) positions: usize,
    /// Whether neighbouring taps are rows of one product.
    pub(crate) joins_taps: bool,
}

impl WeightParts {
    /// For dy of so many positions and values a channel, if parts are worth it.
    pub(crate) fn of(
        positions: usize,
        values: usize,
        outputs: usize,
        joins_taps: bool,
    ) -> Option<Self> {
        let bytes = values * turned_slices(outputs) * LANES * 4;
        (joins_taps || bytes > BYTES_AT_ONCE).then(|| Self {
            positions: (PART_BYTES * positions / bytes).max(1),
            joins_taps,
        })
    }

    /// The bytes of scratch, for so many samples and weights of an output.
    pub(crate) fn bytes(self, samples: usize, weights: usize, outputs: usize) -> usize {
        (self.positions * samples + weights) * turned_slices(outputs) * LANES * 4
    }
}

/// As [`Conv2dGradWeight`], whose segments have a list for each part and each of its rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conv2dGradWeightInParts {
    pub(crate) conv: Conv2dGradWeight,
    pub(crate) parts: WeightParts,
    pub(crate) rows: Vec<TapRow>,
    /// The taps that meet more than padding, or padding that is multiplied.
    pub(crate) live: Vec<bool>,
}

/// Taps whose inputs are neighbours, at some of the positions of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TapRow {
    pub(crate) part: usize,
    pub(crate) taps: Range<usize>,
}

impl Run for Conv2dGradWeightInParts {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let turned = turned_slices(self.conv.w.outputs);
        for (slices, [taps, inputs]) in self.conv.pieces(slices) {
            // SAFETY: the scratch has room for a part and for all sums.
            unsafe {
                let part = self.parts.positions * self.conv.dy.stride * turned * LANES;
                let sums = Sums {
                    start: view.scratch().add(part),
                    turned,
                };
                self.add_up(s, view, &slices, (&taps, &inputs), sums);
                with_rule!(&self.conv.to, s, step, view, |rule| {
                    self.apply(s, rule, &slices, (&taps, &inputs), sums)
                });
            }
        }
    }
}

/// The sums of all weights of the slices: `[tap][input][slice][filter]`.
#[derive(Clone, Copy)]
struct Sums {
    start: *mut f32,
    turned: usize,
}

impl Sums {
    #[inline(always)]
    fn at(self, row: usize, index: usize) -> *mut f32 {
        let place = (row * self.turned + index) * LANES;
        self.start.wrapping_add(place)
    }
}

impl Conv2dGradWeightInParts {
    /// # Safety
    /// As of [`Run::run`]; the scratch has room.
    #[inline(always)]
    unsafe fn add_up<S: Simd>(
        &self,
        s: S,
        view: View,
        slices: &Range<usize>,
        (taps, inputs): (&Range<usize>, &Range<usize>),
        sums: Sums,
    ) {
        let Conv2dGradWeight { x, dy, w, .. } = self.conv;
        for tap in taps.clone() {
            for input in inputs.clone() {
                for index in 0..slices.len() {
                    // SAFETY: there are sums of all taps, inputs and slices.
                    unsafe { s.store(sums.at(tap * w.inputs + input, index), s.splat(0.0)) }
                }
            }
        }
        let mut turned_part = None;
        for (list, row) in self.rows.iter().enumerate() {
            let mine = row.taps.start.max(taps.start)..row.taps.end.min(taps.end);
            if mine.is_empty() {
                continue;
            }
            let first = row.part * self.parts.positions;
            let positions = first..dy.positions.min(first + self.parts.positions);
            // SAFETY: the caller's promise; rows of a product are inputs of the first tap, then those of the next.
            unsafe {
                if turned_part != Some(row.part) {
                    self.conv.turn(s, view, slices.clone(), positions);
                    turned_part = Some(row.part);
                }
                let a = Scalars {
                    start: view.at(x.place),
                    row_stride: x.stride,
                    step_stride: 1,
                };
                let b = Blocks {
                    start: view.scratch(),
                    step_stride: sums.turned * LANES,
                    block_stride: LANES,
                };
                // Joined taps have all inputs: these are few, and not cut.
                let before = (mine.start - row.taps.start) * w.inputs;
                let rows = match mine.len() {
                    1 => before + inputs.start..before + inputs.end,
                    taps => before..before + taps * w.inputs,
                };
                let finish = Continue {
                    sums,
                    first: row.taps.start * w.inputs,
                };
                let segments = self.conv.segments.list(list);
                product(s, Single, rows, 0..slices.len(), segments, a, b, &finish);
            }
        }
    }

    /// Uses the gradient.
    ///
    /// # Safety
    /// As of [`Run::run`]; all sums are made.
    #[inline(always)]
    unsafe fn apply<S: Simd, R: Rule<S>>(
        &self,
        s: S,
        rule: R,
        slices: &Range<usize>,
        (taps, inputs): (&Range<usize>, &Range<usize>),
        sums: Sums,
    ) {
        let w = self.conv.w;
        for tap in taps.clone() {
            if !self.live[tap] && self.conv.to.leaves_alone() {
                continue;
            }
            for (index, slice) in slices.clone().enumerate() {
                for input in inputs.clone() {
                    let row = tap * w.inputs + input;
                    // SAFETY: the weights have this tap, input and slice.
                    unsafe {
                        let gradient = s.load(sums.at(row, index));
                        rule.apply(slice * w.block_stride() + row * LANES, gradient);
                    }
                }
            }
        }
    }
}

/// Goes on with the sums of earlier parts, so that each stays one chain.
struct Continue {
    sums: Sums,
    first: usize,
}

impl<S: Simd> Finish<S> for Continue {
    #[inline(always)]
    unsafe fn begin(&self, s: S, row: usize, block: usize) -> S::Block {
        // SAFETY: there are sums for this row and block.
        unsafe { s.load(self.sums.at(self.first + row, block)) }
    }

    #[inline(always)]
    unsafe fn finish(&self, s: S, row: usize, block: usize, sum: S::Block) {
        // SAFETY: as of `begin`.
        unsafe { s.store(self.sums.at(self.first + row, block), sum) }
    }
}
