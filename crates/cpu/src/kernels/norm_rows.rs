//! Batch norm of rows, behind a dense layer or a flatten, and its gradient. Sixteen columns are a block:
//! their statistics stay in registers, and their rows, a few kilobytes, in the nearest cache.

use std::ops::Range;

use super::{
    Matrix, Run, Step, blocks,
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
        let zero = s.splat(0.0);
        for block in blocks(slices, self.x.columns) {
            let first = block * LANES;
            // SAFETY: all matrices and vectors have this block, and the matrices these rows; arrays
            // have LANES values.
            unsafe {
                let columns = first..self.x.columns.min(first + LANES);
                let of = self.coefficients(s, view, columns, None);
                let mean = s.load(of.mean.as_ptr());
                let factor = s.load(of.factor.as_ptr());
                let shift = s.load(of.shift.as_ptr());
                for row in 0..self.x.rows {
                    let centred = s.sub(s.load(self.x.block(view, row, block)), mean);
                    let mut value = s.mul_add(centred, factor, shift);
                    if let Some(other) = self.other {
                        value = s.add(value, s.load(other.block(view, row, block)));
                    }
                    if self.relu {
                        value = s.max(zero, value);
                    }
                    if self.round {
                        value = s.to_bf16(value);
                    }
                    s.store(self.y.block(view, row, block), value);
                }
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
        let mut sum = s.splat(0.0);
        let mut squares = s.splat(0.0);
        // SAFETY: the caller gives columns that the matrix has, a block of them.
        unsafe {
            for row in 0..self.rows {
                sum = s.add(sum, s.load(self.block(view, row, block)));
            }
            let mean = s.mul(sum, share);
            for row in 0..self.rows {
                let centred = s.sub(s.load(self.block(view, row, block)), mean);
                squares = s.mul_add(centred, centred, squares);
            }
            Moments {
                means: s.to_array(mean),
                variances: s.to_array(s.mul(squares, share)),
            }
        }
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
                let mut sum = s.splat(0.0);
                let mut products = s.splat(0.0);
                for row in 0..self.x.rows {
                    let dy = self.masked(s, view, row, block);
                    sum = s.add(sum, dy);
                    let centred = s.sub(s.load(self.x.block(view, row, block)), mean);
                    products = s.mul_add(dy, centred, products);
                }
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
                    s.keep(s.greater(y, s.splat(0.0)), dy)
                }
            }
        }
    }
}
