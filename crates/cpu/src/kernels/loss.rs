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

/// The classes whose logits are held at once. Of more, every pass over a row reads its tiles again.
const TILE: usize = 256;

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
    /// Of the labels.
    pub(crate) column: usize,
    /// The logits, or the first of their partial sums.
    pub(crate) logits: Matrix,
    /// How many partial sums there are; 1 where the logits are whole.
    pub(crate) partials: usize,
    /// ε of the targets `(1 − ε)·onehot(label) + ε/C`, 0 for none.
    pub(crate) label_smoothing: f64,
    pub(crate) gradient: Option<Matrix>,
    /// Where the sum of the losses and the number of right answers go.
    pub(crate) metrics: Option<(Place, Place)>,
}

impl Run for SoftmaxCrossEntropy {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, _: Range<usize>) {
        let Matrix {
            rows,
            columns: classes,
            ..
        } = self.logits;
        let labels = &step.arrays[self.column];
        let scale = s.splat(1.0 / rows as f32);
        let smoothing = self.label_smoothing;
        let of_onehot = (1.0 - smoothing) as f32 / rows as f32;
        let scores = self.metrics.filter(|_| step.scores);
        let (mut loss_sum, mut correct) = (0.0, 0.0);
        let mut totals = 1.0;
        // One logarithm for several rows: it takes as long as a row's exponentials. A total is between 1 and
        // the number of classes, and the product of so many stays finite.
        let rows_a_log = if classes <= 1 << 15 { 64 } else { 15 };
        let tiles = || (0..classes).step_by(TILE);
        let mut tile = [0.0f32; TILE];
        for row in 0..rows {
            let label = labels.class(step.batch[row] as usize);
            // SAFETY: the caller's promise; `row` is one of the logits' rows, the tiles begin within the
            // classes, and `tile` has room for the blocks of one.
            unsafe {
                let mut largest = s.splat(f32::NEG_INFINITY);
                for first in tiles() {
                    largest = s.max(largest, self.load(s, view, row, first, &mut tile));
                }
                let largest = s.largest(largest);
                if scores.is_some() {
                    let mut answer = Answer::new(label, smoothing > 0.0);
                    for first in tiles() {
                        if classes > TILE {
                            self.load(s, view, row, first, &mut tile);
                        }
                        answer.look(&tile[..TILE.min(classes - first)], first, largest);
                    }
                    let of_label = f64::from(largest - answer.score);
                    loss_sum += if smoothing > 0.0 {
                        (1.0 - smoothing) * of_label + smoothing * answer.below / classes as f64
                    } else {
                        of_label
                    };
                    correct += f32::from(answer.is_right(largest));
                }
                let gradient = self
                    .gradient
                    .map(|it| view.at(it.place).add(row * it.stride));
                let mut total = s.splat(0.0);
                for first in tiles() {
                    if classes > TILE {
                        self.load(s, view, row, first, &mut tile);
                    }
                    for class in (first..classes.min(first + TILE)).step_by(LANES) {
                        let logits = s.load(tile.as_ptr().add(class - first));
                        let power = exp(s, s.sub(logits, s.splat(largest)));
                        let power = s.keep(s.first(classes - class), power);
                        total = s.add(total, power);
                        if let Some(gradient) = gradient {
                            s.store(gradient.add(class), power);
                        }
                    }
                }
                let total = s.sum(total);
                if let Some(gradient) = gradient {
                    let factor = s.mul(scale, s.splat(1.0 / total));
                    for class in (0..classes).step_by(LANES) {
                        let at = gradient.add(class);
                        s.store(at, s.mul(s.load(at), factor));
                    }
                    if smoothing > 0.0 {
                        let evenly = s.splat((smoothing / (rows * classes) as f64) as f32);
                        for class in (0..classes).step_by(LANES) {
                            let at = gradient.add(class);
                            let evenly = s.keep(s.first(classes - class), evenly);
                            s.store(at, s.sub(s.load(at), evenly));
                        }
                    }
                    *gradient.add(label) -= of_onehot;
                }
                if scores.is_some() {
                    totals *= f64::from(total);
                    if (row + 1).is_multiple_of(rows_a_log) || row + 1 == rows {
                        loss_sum += f64::ln(std::mem::replace(&mut totals, 1.0));
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

impl SoftmaxCrossEntropy {
    /// Puts the logits of a row from class `first` on into `tile`, the partial sums added, and gives the
    /// largest of each lane.
    ///
    /// # Safety
    /// As of [`Run::run`]; the logits have the row and the class.
    #[inline(always)]
    unsafe fn load<S: Simd>(
        &self,
        s: S,
        view: View,
        row: usize,
        first: usize,
        tile: &mut [f32; TILE],
    ) -> S::Block {
        let Matrix {
            place,
            rows,
            columns: classes,
            stride,
        } = self.logits;
        let logits = view.at(place);
        let mut largest = s.splat(f32::NEG_INFINITY);
        for class in (first..classes.min(first + TILE)).step_by(LANES) {
            // SAFETY: the logits and all their partial sums have this row and this block; `tile` has room
            // for it; `BEYOND` has LANES values from any of its first ones on, and at least one class is in
            // the last block.
            unsafe {
                let mut sum = s.load(logits.add(row * stride + class));
                for partial in 1..self.partials {
                    let at = (partial * rows + row) * stride + class;
                    sum = s.add(sum, s.load(logits.add(at)));
                }
                s.store(tile.as_mut_ptr().add(class - first), sum);
                // Lanes beyond the last class must not win, whatever is in them.
                let count = LANES.min(classes - class);
                let beyond = s.load(BEYOND.as_ptr().add(LANES - count));
                largest = s.max(largest, s.add(s.keep(s.first(count), sum), beyond));
            }
        }
        largest
    }
}

/// What a row's logits say of its label, looked at tile by tile.
struct Answer {
    label: usize,
    /// The label's logit.
    score: f32,
    /// Whether a class before the label has the largest logit too: of equal ones the first counts.
    is_late: bool,
    /// Whether any logit is not a number: what is the largest of the others may be none of them.
    has_nan: bool,
    /// Whether [`Self::below`] is asked for.
    is_smoothed: bool,
    /// How far all logits are below the largest, added up.
    below: f64,
}

impl Answer {
    fn new(label: usize, is_smoothed: bool) -> Self {
        Self {
            label,
            score: f32::NAN,
            is_late: false,
            has_nan: false,
            is_smoothed,
            below: 0.0,
        }
    }

    /// Looks at the logits of the classes from `first` on.
    #[inline(always)]
    fn look(&mut self, logits: &[f32], first: usize, largest: f32) {
        let place = self.label.checked_sub(first);
        if let Some(score) = place.and_then(|place| logits.get(place)) {
            self.score = *score;
        }
        let before = place.unwrap_or(0).min(logits.len());
        self.is_late |= logits[..before].contains(&largest);
        self.has_nan |= logits.iter().any(|logit| logit.is_nan());
        if self.is_smoothed {
            let below = logits.iter().map(|logit| f64::from(largest - logit));
            self.below += below.sum::<f64>();
        }
    }

    fn is_right(&self, largest: f32) -> bool {
        self.score == largest && !self.is_late && !self.has_nan
    }
}
