//! Batch norm of rows, behind a dense layer or a flatten, and its gradient. Sixteen columns are a block:
//! their statistics stay in registers, and their rows, a few kilobytes, in the nearest cache.

use std::ops::Range;

use super::{
    Matrix, Run, Step, blocks,
    channel_sums::{Terms, row_sums},
    epilogue::{relu, relu_grad},
    norm::{BatchNorm, Moments, Normed},
    norm_grad::BatchNormGrad,
};
use crate::{
    memory::View,
    simd::{LANES, Simd},
};

impl Run for BatchNorm<Matrix> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        for block in blocks(slices, self.x.columns) {
            let first = block * LANES;
            // SAFETY: all matrices and vectors have this block, and the matrices these rows; arrays
            // have LANES values.
            unsafe {
                let columns = first..self.x.columns.min(first + LANES);
                let of = self.coefficients(s, view, columns, None, true);
                let mean = s.load(of.mean.as_ptr());
                let factor = s.load(of.factor.as_ptr());
                let shift = s.load(of.shift.as_ptr());
                for row in 0..self.x.rows {
                    let centred = s.sub(s.load(self.x.block(view, row, block)), mean);
                    let mut value = s.mul_add(centred, factor, shift);
                    if let Some(other) = self.other {
                        value = s.add(value, s.load(other.block(view, row, block)));
                    }
                    if self.epilogue.is_relu() {
                        value = relu(s, value);
                    }
                    if self.round {
                        value = s.to_bf16(value);
                    }
                    s.store(self.y.block(view, row, block), value);
                }
                let extents = self.y.extents(block..block + 1);
                let rows = |matrix: Matrix| matrix.rows_from(view, block);
                self.epilogue.go_over(s, extents, self.y, rows);
            }
        }
    }
}

impl Normed for Matrix {
    /// In two passes: what the second one reads is in the nearest cache.
    #[inline(always)]
    unsafe fn moments<S: Simd>(&self, s: S, view: View, channels: Range<usize>) -> Moments {
        let block = channels.start / LANES;
        let share = s.splat(1.0 / self.rows as f32);
        let mut terms = Centred {
            x: *self,
            view,
            centre: s.splat(0.0),
        };
        // SAFETY: the caller gives columns that the matrix has, a block of them.
        unsafe {
            let (sum, _) = row_sums(s, block, self.rows, &terms);
            let mean = s.mul(sum, share);
            terms.centre = mean;
            let (_, squares) = row_sums(s, block, self.rows, &terms);
            Moments {
                means: s.to_array(mean),
                variances: s.to_array(s.mul(squares, share)),
            }
        }
    }
}

/// x without a centre, and its square.
struct Centred<B> {
    x: Matrix,
    view: View,
    centre: B,
}

impl<S: Simd> Terms<S> for Centred<S::Block> {
    #[inline(always)]
    unsafe fn at(&self, s: S, row: usize, block: usize, _: usize) -> (S::Block, S::Block) {
        // SAFETY: the caller's promise.
        let x = unsafe { s.load(self.x.block(self.view, row, block)) };
        let centred = s.sub(x, self.centre);
        (centred, centred)
    }
}

impl Run for BatchNormGrad<Matrix> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let share = s.splat(1.0 / self.x.rows as f32);
        for block in blocks(slices, self.x.columns) {
            let first = block * LANES;
            // SAFETY: all matrices and vectors have this block, and the matrices these rows.
            unsafe {
                let mean = s.load(view.at(self.mean).add(first));
                let inverse = s.load(view.at(self.inverse_deviation).add(first));
                let terms = GradientTerms {
                    norm: self,
                    view,
                    mean,
                };
                let (sum, products) = row_sums(s, block, self.x.rows, &terms);
                let products = s.mul(products, inverse);
                // dy − dβ/n − (x − mean)·inverse·dγ/n
                let constant = s.mul(sum, share);
                let slope = s.mul(s.mul(products, inverse), share);
                let factor = s.mul(s.load(view.at(self.weight).add(first)), inverse);
                for row in 0..self.x.rows {
                    let flowing = s.sub(self.masked(s, view, row, block), constant);
                    let centred = s.sub(s.load(self.x.block(view, row, block)), mean);
                    let rest = s.neg_mul_add(centred, slope, flowing);
                    let mut value = s.mul(factor, rest);
                    if self.round {
                        value = s.to_bf16(value);
                    }
                    s.store(self.dx.block(view, row, block), value);
                }
                s.store(view.at(self.bias_gradient).add(first), sum);
                s.store(view.at(self.weight_gradient).add(first), products);
            }
        }
    }
}

/// dy behind ReLU's gradient, and x without its mean.
struct GradientTerms<'a, B> {
    norm: &'a BatchNormGrad<Matrix>,
    view: View,
    mean: B,
}

impl<S: Simd> Terms<S> for GradientTerms<'_, S::Block> {
    #[inline(always)]
    unsafe fn at(&self, s: S, row: usize, block: usize, _: usize) -> (S::Block, S::Block) {
        // SAFETY: the caller's promise.
        unsafe {
            let x = s.load(self.norm.x.block(self.view, row, block));
            (
                self.norm.masked(s, self.view, row, block),
                s.sub(x, self.mean),
            )
        }
    }
}

impl BatchNormGrad<Matrix> {
    /// A block of dy, behind ReLU's gradient.
    #[inline(always)]
    unsafe fn masked<S: Simd>(&self, s: S, view: View, row: usize, block: usize) -> S::Block {
        // SAFETY: dy and ReLU's output have this row and block.
        unsafe {
            let dy = s.load(self.dy.block(view, row, block));
            match self.relu {
                None => dy,
                Some(y) => {
                    let y = s.load(y.block(view, row, block));
                    relu_grad(s, y, dy)
                }
            }
        }
    }
}
