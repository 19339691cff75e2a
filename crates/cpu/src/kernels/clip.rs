//! Clipping by the norm of all gradients: the sum of squares of each, and the factor for all of them. The clipping
//! itself is in `update`, where a gradient is used.

use std::ops::Range;

use super::{
    Run, Step,
    sum_tree::{RUN, Runs},
    update::Grid,
};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// The sum of the squares of a gradient's values: one for each slice, or one of all.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SquareSum {
    pub(crate) gradient: Place,
    pub(crate) sum: Place,
    /// Values from the sum of one slice to that of the next; `None` where one slice has all.
    pub(crate) apart: Option<usize>,
    /// The values that are stored of the gradient; what lies behind them means nothing.
    pub(crate) values: usize,
    pub(crate) grid: Grid,
}

impl Run for SquareSum {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let sum = view.at(self.sum);
        // SAFETY: the caller's promise: the gradient has these slices, and the sum a place for each, or one.
        unsafe {
            match self.apart {
                None => *sum = self.squares(s, view, slices),
                Some(apart) => {
                    for slice in slices {
                        *sum.add(slice * apart) = self.squares(s, view, slice..slice + 1);
                    }
                }
            }
        }
    }
}

impl SquareSum {
    /// The sum over these slices, in runs and stretches.
    #[inline(always)]
    unsafe fn squares<S: Simd>(&self, s: S, view: View, slices: Range<usize>) -> f32 {
        let gradient = view.at(self.gradient);
        let (outer_range, inner_range) = self.grid.blocks(slices);
        let (mut runs, mut run, mut number, mut blocks) = (Runs::zero(s), s.splat(0.0), 0, 0);
        for outer in outer_range {
            for block in inner_range.clone() {
                let at = (outer * self.grid.inner + block) * LANES;
                // SAFETY: within the gradient, and of this thread's slices.
                let mut g = unsafe { s.load(gradient.add(at)) };
                if at + LANES > self.values {
                    g = s.keep(s.first(self.values - at), g);
                }
                run = s.mul_add(g, g, run);
                blocks += 1;
                if blocks == RUN {
                    runs.add(s, number, run);
                    (run, number, blocks) = (s.splat(0.0), number + 1, 0);
                }
            }
        }
        runs.add(s, number, run);
        s.sum(runs.sum(s))
    }
}

/// The factor by which the norm of all gradients becomes `max_norm`, where it is larger, else 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClipFactor {
    pub(crate) max_norm: f64,
    /// The sums of squares of each gradient.
    pub(crate) sums: Vec<PartialSums>,
    pub(crate) factor: Place,
}

/// One number that is stored as partial sums.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PartialSums {
    pub(crate) place: Place,
    pub(crate) count: usize,
    /// Values from one to the next.
    pub(crate) apart: usize,
}

impl Run for ClipFactor {
    /// In double precision: of thousands of sums, one chain of single ones would lose digits.
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, _: S, _: &Step, view: View, _: Range<usize>) {
        let mut total = 0.0;
        for sums in &self.sums {
            let first = view.at(sums.place);
            for number in 0..sums.count {
                // SAFETY: the caller's promise: there are so many.
                total += f64::from(unsafe { *first.add(number * sums.apart) });
            }
        }
        let norm = total.sqrt();
        // Not-a-number is not at most anything, and stays.
        let factor = match norm <= self.max_norm {
            true => 1.0,
            false => self.max_norm / norm,
        };
        // SAFETY: this thread's own.
        unsafe { *view.at(self.factor) = factor as f32 }
    }
}
