//! The mean squared error against the batch's targets, which may be its own inputs: loss and gradient.
//!
//! Every thread does the whole batch for itself, as with the softmax: all need the gradient.

use std::ops::Range;

use laptime_workload::dataset::Dtype;

use super::{
    Matrix, Run, Step,
    pixels::{Byte, Float, Stored, scaled},
};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// The loss of y (B, N) against the batch's targets / divisor, its gradient, or both.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MeanSquaredError {
    /// Of the targets.
    pub(crate) column: usize,
    pub(crate) divisor: f32,
    pub(crate) y: Matrix,
    pub(crate) gradient: Option<Matrix>,
    /// Where the sum of the losses goes.
    pub(crate) loss_sum: Option<Place>,
}

impl Run for MeanSquaredError {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, _: Range<usize>) {
        // SAFETY: the caller's promise.
        unsafe {
            match step.arrays[self.column].column.dtype {
                Dtype::F32 => self.against::<S, Float>(s, step, view),
                _ => self.against::<S, Byte>(s, step, view),
            }
        }
    }
}

impl MeanSquaredError {
    /// # Safety
    /// As of [`Run::run`].
    #[inline(always)]
    unsafe fn against<S: Simd, V: Stored>(&self, s: S, step: &Step, view: View) {
        let Matrix {
            place,
            rows,
            columns: values,
            stride,
        } = self.y;
        let scores = self.loss_sum.filter(|_| step.scores);
        if self.gradient.is_none() && scores.is_none() {
            return;
        }
        let factor = s.splat((2.0 / (rows * values) as f64) as f32);
        let given = &step.arrays[self.column].bytes[..];
        let mut squares = 0.0;
        for row in 0..rows {
            let sample = step.batch[row] as usize;
            let targets = &given[sample * values * V::BYTES..][..values * V::BYTES];
            let mut sum = s.splat(0.0);
            for start in (0..values).step_by(LANES) {
                // SAFETY: y and the gradient have this row, with room for whole blocks.
                unsafe {
                    let y = s.load(view.at(place).add(row * stride + start));
                    let error = s.sub(y, scaled::<S, V>(s, targets, start, self.divisor));
                    let error = s.keep(s.first(values - start), error);
                    sum = s.mul_add(error, error, sum);
                    if let Some(gradient) = self.gradient {
                        let to = view.at(gradient.place).add(row * gradient.stride + start);
                        s.store(to, s.mul(error, factor));
                    }
                }
            }
            squares += f64::from(s.sum(sum));
        }
        if let Some(loss_sum) = scores {
            // SAFETY: it has one value, in this thread's own arena.
            unsafe { *view.at(loss_sum) = (squares / values as f64) as f32 };
        }
    }
}
