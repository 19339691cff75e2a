//! Dense layers: forward, and the gradients of input and weights.
//!
//! Weights (O, I) are stored as `[⌈O/16⌉][I][16]`: sixteen outputs side by side for each input. That
//! serves the product forward and the weight gradient as it is; the input gradient, whose lanes are
//! inputs, turns the slices that it needs over first, 16×16 values at a time.

use std::ops::Range;

use super::{
    Epilogue, GradientEpilogue, Matrix, Run, Step, Tiles,
    epilogue::{relu, relu_grad},
    product::{Blocks, Finish, Scalars, Segment, Single, product},
    tiles::Part,
    update::{GradientUse, Rule, with_rule},
};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// y (B, O) = x (B, I) · wᵀ, with bias and an activation where they are fused in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dense {
    pub(crate) x: Matrix,
    pub(crate) w: Place,
    pub(crate) y: Matrix,
    pub(crate) bias: Option<Place>,
    /// None where y is in partial sums.
    pub(crate) epilogue: Epilogue<Matrix>,
    pub(crate) cut: DenseCut,
    /// Pieces of the rows, where slices are outputs.
    pub(crate) tiles: Tiles,
}

/// Along what a dense layer's slices are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DenseCut {
    /// Sixteen outputs a slice.
    Outputs,
    /// Sixteen inputs a slice. Forward, every slice gives its own partial sum, and the bias is in
    /// the first one's.
    Inputs,
}

impl Run for Dense {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        match self.cut {
            // SAFETY: the contract of `run`.
            DenseCut::Outputs => unsafe {
                let Matrix { columns, rows, .. } = self.y;
                for (range, rows) in self.tiles.of(slices, columns.div_ceil(LANES), rows) {
                    // An activation follows each strip that a product does at once.
                    let strip = match self.epilogue.is_tile() {
                        true => S::TILE.1,
                        false => range.len().max(1),
                    };
                    for start in range.clone().step_by(strip) {
                        let strip = start..range.end.min(start + strip);
                        let (inputs, to) = (0..self.x.columns, view.at(self.y.place));
                        let part = (rows.clone(), strip.clone());
                        self.part(s, view, part, inputs, to, true);
                        let extents = self.y.extents_of(rows.len(), strip);
                        let rows = |matrix: Matrix| matrix.rows_at(view, rows.start, start);
                        self.epilogue.go_over(s, extents, self.y, rows);
                    }
                }
            },
            DenseCut::Inputs => {
                for slice in slices {
                    let start = slice * LANES;
                    let inputs = start..self.x.columns.min(start + LANES);
                    let partial = slice * self.y.rows * self.y.stride;
                    // SAFETY: the contract of `run`; partial sums lie one behind the other.
                    unsafe {
                        let to = view.at(self.y.place).add(partial);
                        let all = (0..self.y.rows, 0..self.y.columns.div_ceil(LANES));
                        self.part(s, view, all, inputs, to, slice == 0);
                    }
                }
            }
        }
    }
}

impl Dense {
    /// The product over a range of inputs for a range of rows and one of blocks of outputs.
    #[inline(always)]
    unsafe fn part<S: Simd>(
        &self,
        s: S,
        view: View,
        (rows, blocks): (Range<usize>, Range<usize>),
        inputs: Range<usize>,
        to: *mut f32,
        with_bias: bool,
    ) {
        let Matrix {
            columns, stride, ..
        } = self.x;
        let finish = Activate {
            bias: self.bias.filter(|_| with_bias).map(|place| view.at(place)),
            relu: self.epilogue.is_relu(),
            to,
            stride: self.y.stride,
        };
        // SAFETY: x, w, b and y have the extents that their buffers were made for.
        unsafe {
            let a = Scalars {
                start: view.at(self.x.place).add(inputs.start),
                row_stride: stride,
                step_stride: 1,
            };
            let b = Blocks {
                start: view.at(self.w).add(inputs.start * LANES),
                step_stride: LANES,
                block_stride: columns * LANES,
            };
            product(
                s,
                Single,
                rows,
                blocks,
                &Segment::whole(inputs.len()),
                a,
                b,
                &finish,
            );
        }
    }
}

/// Adds the bias, applies ReLU, stores.
struct Activate {
    bias: Option<*mut f32>,
    relu: bool,
    to: *mut f32,
    stride: usize,
}

impl<S: Simd> Finish<S> for Activate {
    #[inline(always)]
    unsafe fn finish(&self, s: S, row: usize, block: usize, sum: S::Block) {
        // SAFETY: the bias has this block, and y this row and block.
        unsafe {
            let sum = match self.bias {
                Some(bias) => s.add(sum, s.load(bias.add(block * LANES))),
                None => sum,
            };
            let sum = if self.relu { relu(s, sum) } else { sum };
            s.store(self.to.add(row * self.stride + block * LANES), sum);
        }
    }
}

/// dx (B, I) = dy (B, O) · w, with another gradient added and an activation's gradient where they are
/// fused in. Slices are cut along the inputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DenseGradInput {
    pub(crate) dy: Matrix,
    pub(crate) w: Place,
    pub(crate) dx: Matrix,
    /// The gradient that another reader of x gave.
    pub(crate) other: Option<Matrix>,
    pub(crate) epilogue: GradientEpilogue<Matrix>,
    /// Pieces of the rows.
    pub(crate) tiles: Tiles,
}

/// Outputs whose weights are turned over at once: 64 × 16 floats are 4 KiB, an eighth of the
/// smallest L1.
const TURNED_OUTPUTS: usize = 64;

impl Run for DenseGradInput {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let Matrix { columns, rows, .. } = self.dx;
        for (blocks, rows) in self.tiles.of(slices, columns.div_ceil(LANES), rows) {
            for block in blocks {
                // SAFETY: the contract of `run`.
                unsafe { self.part(s, view, rows.clone(), block) }
            }
        }
    }
}

impl DenseGradInput {
    /// Some rows of a block of inputs.
    #[inline(always)]
    unsafe fn part<S: Simd>(&self, s: S, view: View, rows: Range<usize>, block: usize) {
        let outputs = self.dy.columns;
        let (dy, dx) = (view.at(self.dy.place), view.at(self.dx.place));
        let mut turned = [0.0; TURNED_OUTPUTS * LANES];
        for start in (0..outputs).step_by(TURNED_OUTPUTS) {
            let count = TURNED_OUTPUTS.min(outputs - start);
            let is_last = start + count == outputs;
            // SAFETY: dy, w, dx and ReLU's output have the extents that their buffers were
            // made for.
            unsafe {
                self.turn(s, view, block * LANES, start, count, &mut turned);
                let a = Scalars {
                    start: dy.add(start),
                    row_stride: self.dy.stride,
                    step_stride: 1,
                };
                let b = Blocks {
                    start: turned.as_ptr(),
                    step_stride: LANES,
                    block_stride: 0,
                };
                let beside = |matrix: Option<Matrix>| {
                    matrix.filter(|_| is_last).map(|matrix| {
                        let start = view.at(matrix.place).add(block * LANES);
                        (start.cast_const(), matrix.stride)
                    })
                };
                let finish = Accumulate {
                    to: dx.add(block * LANES),
                    stride: self.dx.stride,
                    is_first: start == 0,
                    other: beside(self.other),
                    relu: beside(self.epilogue.relu()),
                };
                product(
                    s,
                    Single,
                    rows.clone(),
                    0..1,
                    &Segment::whole(count),
                    a,
                    b,
                    &finish,
                );
            }
        }
        // SAFETY: dx and what the epilogue reads have this block and these rows.
        unsafe {
            let extents = self.dx.extents_of(rows.len(), block..block + 1);
            let rows = |matrix: Matrix| matrix.rows_at(view, rows.start, block);
            self.epilogue.go_over(s, extents, self.dx, rows);
        }
    }
}

/// Adds to what earlier outputs gave, adds another gradient, applies ReLU's gradient, stores.
struct Accumulate {
    to: *mut f32,
    stride: usize,
    is_first: bool,
    other: Option<(*const f32, usize)>,
    relu: Option<(*const f32, usize)>,
}

impl<S: Simd> Finish<S> for Accumulate {
    #[inline(always)]
    unsafe fn finish(&self, s: S, row: usize, _: usize, sum: S::Block) {
        // SAFETY: dx and ReLU's output have this row, and this block from where they point.
        unsafe {
            let to = self.to.add(row * self.stride);
            let sum = if self.is_first {
                sum
            } else {
                s.add(s.load(to), sum)
            };
            let sum = match self.other {
                None => sum,
                Some((other, stride)) => s.add(sum, s.load(other.add(row * stride))),
            };
            let sum = match self.relu {
                None => sum,
                Some((y, stride)) => relu_grad(s, s.load(y.add(row * stride)), sum),
            };
            s.store(to, sum);
        }
    }
}

impl DenseGradInput {
    /// Copies the weights of `count` outputs from `first_output`, a whole block's first, for sixteen
    /// inputs from `first_input`, turned over: `turned[output][input]`. Inputs beyond the last
    /// are 0.
    #[inline(always)]
    unsafe fn turn<S: Simd>(
        &self,
        s: S,
        view: View,
        first_input: usize,
        first_output: usize,
        count: usize,
        turned: &mut [f32; TURNED_OUTPUTS * LANES],
    ) {
        let inputs = self.dx.columns;
        let w = view.at(self.w);
        for start in (0..count).step_by(LANES) {
            let block = (first_output + start) / LANES;
            let mut tile = [s.splat(0.0); LANES];
            for (row, input) in tile.iter_mut().zip(first_input..inputs) {
                // SAFETY: the weights have this block of outputs for this input.
                *row = unsafe { s.load(w.add((block * inputs + input) * LANES)) };
            }
            for (row, turned_row) in s.transpose(tile).into_iter().enumerate() {
                // SAFETY: `turned` has room for whole blocks of outputs.
                unsafe { s.store(turned.as_mut_ptr().add((start + row) * LANES), turned_row) }
            }
        }
    }
}

/// dw (O, I) = dyᵀ (O, B) · x (B, I), stored, or used up by the update where that is fused in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DenseGradWeight {
    pub(crate) x: Matrix,
    pub(crate) dy: Matrix,
    pub(crate) to: GradientUse,
    pub(crate) cut: DenseCut,
    /// Pieces of the inputs, where slices are outputs.
    pub(crate) tiles: Tiles,
}

impl Run for DenseGradWeight {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let inputs = self.x.columns;
        let blocks = self.dy.columns.div_ceil(LANES);
        let a = Scalars {
            start: view.at(self.x.place),
            row_stride: 1,
            step_stride: self.x.stride,
        };
        let b = Blocks {
            start: view.at(self.dy.place),
            step_stride: self.dy.stride,
            block_stride: LANES,
        };
        let steps = Segment::whole(self.x.rows);
        with_rule!(&self.to, s, step, view, |rule| {
            let finish = Apply { rule, inputs };
            for (blocks, rows) in self.parts(slices, blocks).into_iter().flatten() {
                // SAFETY: x, dy and the parameter have the extents that their buffers were made for.
                unsafe { product(s, Single, rows, blocks, &steps, a, b, &finish) }
            }
        });
    }
}

impl DenseGradWeight {
    /// The blocks of outputs and the inputs of these slices. Not inlined, so that there is one product for each rule.
    #[inline(never)]
    fn parts(&self, slices: Range<usize>, blocks: usize) -> [Option<Part>; 3] {
        let inputs = self.x.columns;
        match self.cut {
            DenseCut::Outputs => self.tiles.parts(slices, blocks, inputs),
            DenseCut::Inputs => {
                let inputs = slices.start * LANES..inputs.min(slices.end * LANES);
                [Some((0..blocks, inputs)), None, None]
            }
        }
    }
}

/// Uses the gradient in the layout of the weights.
struct Apply<R> {
    rule: R,
    inputs: usize,
}

impl<S: Simd, R: Rule<S>> Finish<S> for Apply<R> {
    #[inline(always)]
    fn prefetch(&self, input: usize, block: usize) {
        self.rule.prefetch((block * self.inputs + input) * LANES);
    }

    #[inline(always)]
    unsafe fn finish(&self, _: S, input: usize, block: usize, sum: S::Block) {
        // SAFETY: the weights have this block of outputs for this input.
        unsafe { self.rule.apply((block * self.inputs + input) * LANES, sum) }
    }
}
