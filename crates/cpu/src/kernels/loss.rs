//! Softmax and cross-entropy: loss, score and gradient from the logits.
//!
//! Every thread does the whole batch for itself: all need the gradient, and 320 exponentials cost
//! less than a barrier.

use std::ops::Range;

use super::{Matrix, Run, Step};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd, exp},
};

/// Labels are bytes, so there are never more classes than this.
const MOST_BLOCKS: usize = 256 / LANES;

/// Nothing for the lanes of classes, then −∞ for those beyond.
const BEYOND: [f32; 2 * LANES] = {
    let mut beyond = [0.0; 2 * LANES];
    let mut lane = LANES;
    while lane < 2 * LANES {
        beyond[lane] = f32::NEG_INFINITY;
        lane += 1;
    }
    beyond
};

/// The loss of logits (B, C), its gradient, or both. Of a sample with a logit that is not a number, or
/// whose largest is infinite, loss and gradient are not numbers; only the former is never right.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SoftmaxCrossEntropy {
    /// The logits, or the first of their partial sums.
    pub(crate) logits: Matrix,
    /// How many partial sums there are; 1 where the logits are whole.
    pub(crate) partials: usize,
    pub(crate) gradient: Option<Matrix>,
    /// Where the sum of the losses and the number of right answers go.
    pub(crate) metrics: Option<(Place, Place)>,
}

impl Run for SoftmaxCrossEntropy {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, _: Range<usize>) {
        let Matrix {
            place,
            rows,
            columns: classes,
            stride,
        } = self.logits;
        let blocks = classes.div_ceil(LANES);
        let logits = view.at(place);
        let scale = s.splat(1.0 / rows as f32);
        let scores = self.metrics.filter(|_| step.scores);
        let (mut loss_sum, mut correct) = (0.0, 0.0);
        let mut totals = 1.0;
        let mut row_logits = [0.0f32; MOST_BLOCKS * LANES];
        for row in 0..rows {
            let label = usize::from(step.labels[step.batch[row] as usize]);
            let mut powers = [s.splat(0.0); MOST_BLOCKS];
            // SAFETY: the logits, all their partial sums and the gradient have this row and these
            // blocks; `row_logits` has room for every block; `BEYOND` has LANES values from any of
            // its first ones on, and at least one class is in the last block.
            unsafe {
                let mut largest = s.splat(f32::NEG_INFINITY);
                for (block, power) in powers.iter_mut().take(blocks).enumerate() {
                    let mut sum = s.load(logits.add(row * stride + block * LANES));
                    for partial in 1..self.partials {
                        let at = (partial * rows + row) * stride + block * LANES;
                        sum = s.add(sum, s.load(logits.add(at)));
                    }
                    s.store(row_logits.as_mut_ptr().add(block * LANES), sum);
                    // Lanes beyond the last class must not win, whatever is in them.
                    let count = LANES.min(classes - block * LANES);
                    let beyond = s.load(BEYOND.as_ptr().add(LANES - count));
                    largest = s.max(largest, s.add(s.keep(s.first(count), sum), beyond));
                    *power = sum;
                }
                let largest = s.largest(largest);
                let mut total = s.splat(0.0);
                for (block, power) in powers.iter_mut().take(blocks).enumerate() {
                    let inside = s.first(classes - block * LANES);
                    *power = s.keep(inside, exp(s, s.sub(*power, s.splat(largest))));
                    total = s.add(total, *power);
                }
                let total = s.sum(total);
                if let Some(gradient) = self.gradient {
                    let to = view.at(gradient.place).add(row * gradient.stride);
                    let factor = s.mul(scale, s.splat(1.0 / total));
                    for (block, power) in powers.iter().take(blocks).enumerate() {
                        s.store(to.add(block * LANES), s.mul(*power, factor));
                    }
                    *to.add(label) -= 1.0 / rows as f32;
                }
                if scores.is_some() {
                    let score = row_logits[label];
                    loss_sum += f64::from(largest - score);
                    // One logarithm for several rows: it takes as long as a row's exponentials.
                    // Totals are between 1 and the 256 classes, so 64 of them stay finite.
                    totals *= f64::from(total);
                    if row % 64 == 63 || row + 1 == rows {
                        loss_sum += f64::ln(std::mem::replace(&mut totals, 1.0));
                    }
                    // Of equal classes the first counts. Where any logit is not a number, `largest`
                    // may be what a number among them is.
                    let is_first = score == largest && !row_logits[..label].contains(&largest);
                    if is_first && !row_logits[..classes].iter().any(|logit| logit.is_nan()) {
                        correct += 1.0;
                    }
                }
            }
        }
        if let Some((loss_place, correct_place)) = scores {
            // SAFETY: both have one value, in this thread's own arena.
            unsafe {
                *view.at(loss_place) = loss_sum as f32;
                *view.at(correct_place) = correct;
            }
        }
    }
}
