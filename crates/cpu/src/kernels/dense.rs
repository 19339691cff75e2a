//! Dense layers: forward, and the gradient of the input (that of the weights is in `dense_grad_weight.rs`).
//!
//! Weights (O, I) are stored as `[⌈O/16⌉][I][16]`: sixteen outputs side by side for each input. That
//! serves the product forward and the weight gradient as it is; the input gradient, whose lanes are
//! inputs, turns the slices that it needs over first, 16×16 values at a time.

use std::{mem::MaybeUninit, ops::Range};

use super::{
    Epilogue, GradientEpilogue, Matrix, Run, Step, Tiles,
    epilogue::{relu, relu_grad},
    product::{Blocks, Finish, Scalars, Segment, Single, product},
    tiles::SlicesWithIndices,
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
                for part in self.tiles.of(slices, columns.div_ceil(LANES), rows) {
                    let inputs = self.x.columns;
                    let at_once = steps_at_once(part.1.len(), inputs);
                    for first in (0..inputs).step_by(at_once) {
                        let some = first..inputs.min(first + at_once);
                        self.outputs(s, view, part.clone(), some);
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
                        let finish = Activate {
                            bias: self.bias_at(view).filter(|_| slice == 0),
                            ..self.store(to)
                        };
                        self.part(s, view, all, inputs, &finish);
                    }
                }
            }
        }
    }
}

/// Steps of a sum that are made for all results before the next ones, where what is multiplied does not stay in the
/// caches: two blocks of so many weights are 32 KiB.
const STEPS_AT_ONCE: usize = 256;

/// What stays in a second cache beside weights.
const RESIDENT_BYTES: usize = 512 << 10;

/// Whether so many values stay in the caches.
pub(super) fn stay(values: usize) -> bool {
    values * 4 <= RESIDENT_BYTES
}

/// How many steps of sums over so many are made at once, for so many rows.
fn steps_at_once(rows: usize, steps: usize) -> usize {
    match stay(rows * steps) {
        true => steps.max(1),
        false => steps.div_ceil(steps.div_ceil(STEPS_AT_ONCE)),
    }
}

/// What a sum begins with: where it `goes_on`, what earlier steps have left of it.
///
/// # Safety
/// There is a block.
#[inline(always)]
unsafe fn left<S: Simd>(s: S, goes_on: bool, at: *const f32) -> S::Block {
    match goes_on {
        // SAFETY: the caller's promise.
        true => unsafe { s.load(at) },
        false => s.splat(0.0),
    }
}

impl Dense {
    /// Some rows of blocks of outputs, so far as these inputs go; they come in order.
    #[inline(always)]
    unsafe fn outputs<S: Simd>(
        &self,
        s: S,
        view: View,
        (range, rows): SlicesWithIndices,
        inputs: Range<usize>,
    ) {
        let mut finish = Activate {
            goes_on: inputs.start > 0,
            ..self.store(view.at(self.y.place))
        };
        let is_last = inputs.end == self.x.columns;
        if is_last {
            finish.bias = self.bias_at(view);
            finish.relu = self.epilogue.is_relu();
        }
        // An activation follows each strip that a product does at once.
        let strip = match self.epilogue.is_tile() {
            true => S::TILE.1,
            false => range.len().max(1),
        };
        for start in range.clone().step_by(strip) {
            let strip = start..range.end.min(start + strip);
            let part = (rows.clone(), strip.clone());
            // SAFETY: the contract of `run`.
            unsafe {
                self.part(s, view, part, inputs.clone(), &finish);
                if is_last {
                    let extents = self.y.extents_of(rows.len(), strip);
                    let rows = |matrix: Matrix| matrix.rows_at(view, rows.start, start);
                    self.epilogue.go_over(s, extents, self.y, rows);
                }
            }
        }
    }

    fn bias_at(&self, view: View) -> Option<*mut f32> {
        self.bias.map(|place| view.at(place))
    }

    /// Stores sums as they are.
    fn store(&self, to: *mut f32) -> Activate {
        Activate {
            goes_on: false,
            bias: None,
            relu: false,
            to,
            stride: self.y.stride,
        }
    }

    /// The product over a range of inputs for a range of rows and one of blocks of outputs.
    #[inline(always)]
    unsafe fn part<S: Simd>(
        &self,
        s: S,
        view: View,
        (rows, blocks): (Range<usize>, Range<usize>),
        inputs: Range<usize>,
        finish: &Activate,
    ) {
        let Matrix {
            columns, stride, ..
        } = self.x;
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
                finish,
            );
        }
    }
}

/// Goes on with what is stored or begins, adds the bias, applies ReLU, stores.
struct Activate {
    goes_on: bool,
    bias: Option<*mut f32>,
    relu: bool,
    to: *mut f32,
    stride: usize,
}

impl<S: Simd> Finish<S> for Activate {
    #[inline(always)]
    unsafe fn begin(&self, s: S, row: usize, block: usize) -> S::Block {
        // SAFETY: y has this row and block.
        unsafe {
            left(
                s,
                self.goes_on,
                self.to.add(row * self.stride + block * LANES),
            )
        }
    }

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

/// Outputs whose weights are turned over at once, for the blocks of a product's tile.
const TURNED_OUTPUTS: usize = STEPS_AT_ONCE;

/// Blocks of inputs that are made at once, at most.
const TURNED_BLOCKS: usize = 2;

/// Values of a block's weights, `[output][input]`.
const TURNED_VALUES: usize = TURNED_OUTPUTS * LANES;

/// Not set to 0 first: a small layer needs little of it.
type Turned = [MaybeUninit<f32>; TURNED_BLOCKS * TURNED_VALUES];

impl Run for DenseGradInput {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let Matrix { columns, rows, .. } = self.dx;
        let mut turned: Turned = [MaybeUninit::uninit(); TURNED_BLOCKS * TURNED_VALUES];
        let at_once = TURNED_BLOCKS.min(S::TILE.1);
        for (blocks, rows) in self.tiles.of(slices, columns.div_ceil(LANES), rows) {
            for start in (0..self.dy.columns).step_by(TURNED_OUTPUTS) {
                let outputs = start..self.dy.columns.min(start + TURNED_OUTPUTS);
                for first in blocks.clone().step_by(at_once) {
                    let part = (first..blocks.end.min(first + at_once), rows.clone());
                    // SAFETY: the contract of `run`.
                    unsafe { self.part(s, view, part, outputs.clone(), &mut turned) }
                }
            }
        }
    }
}

impl DenseGradInput {
    /// Some rows of blocks of inputs, so far as these outputs go; they come in order.
    #[inline(always)]
    unsafe fn part<S: Simd>(
        &self,
        s: S,
        view: View,
        (blocks, rows): SlicesWithIndices,
        outputs: Range<usize>,
        turned: &mut Turned,
    ) {
        let (dy, dx) = (view.at(self.dy.place), view.at(self.dx.place));
        let is_last = outputs.end == self.dy.columns;
        // SAFETY: dy, w, dx and what the epilogue reads have the extents that their buffers were made for.
        unsafe {
            for (index, block) in blocks.clone().enumerate() {
                let to = &mut turned[index * TURNED_VALUES..][..TURNED_VALUES];
                self.turn(s, view, block * LANES, outputs.clone(), to);
            }
            let a = Scalars {
                start: dy.add(outputs.start),
                row_stride: self.dy.stride,
                step_stride: 1,
            };
            let b = Blocks {
                start: turned.as_ptr().cast(),
                step_stride: LANES,
                block_stride: TURNED_VALUES,
            };
            let beside = |matrix: Option<Matrix>| {
                matrix.filter(|_| is_last).map(|matrix| {
                    let start = view.at(matrix.place).add(blocks.start * LANES);
                    (start.cast_const(), matrix.stride)
                })
            };
            let finish = Accumulate {
                to: dx.add(blocks.start * LANES),
                stride: self.dx.stride,
                goes_on: outputs.start > 0,
                other: beside(self.other),
                relu: beside(self.epilogue.relu()),
            };
            product(
                s,
                Single,
                rows.clone(),
                0..blocks.len(),
                &Segment::whole(outputs.len()),
                a,
                b,
                &finish,
            );
            if is_last {
                let extents = self.dx.extents_of(rows.len(), blocks.clone());
                let rows = |matrix: Matrix| matrix.rows_at(view, rows.start, blocks.start);
                self.epilogue.go_over(s, extents, self.dx, rows);
            }
        }
    }
}

/// Goes on with what earlier outputs gave, adds another gradient, applies ReLU's gradient, stores.
struct Accumulate {
    to: *mut f32,
    stride: usize,
    goes_on: bool,
    other: Option<(*const f32, usize)>,
    relu: Option<(*const f32, usize)>,
}

impl<S: Simd> Finish<S> for Accumulate {
    #[inline(always)]
    unsafe fn begin(&self, s: S, row: usize, block: usize) -> S::Block {
        // SAFETY: dx has this row, and this block from where it points.
        unsafe {
            left(
                s,
                self.goes_on,
                self.to.add(row * self.stride + block * LANES),
            )
        }
    }

    #[inline(always)]
    unsafe fn finish(&self, s: S, row: usize, block: usize, sum: S::Block) {
        let at = |stride: usize| row * stride + block * LANES;
        // SAFETY: dx and what is beside it have this row, and this block from where they point.
        unsafe {
            let sum = match self.other {
                None => sum,
                Some((other, stride)) => s.add(sum, s.load(other.add(at(stride)))),
            };
            let sum = match self.relu {
                None => sum,
                Some((y, stride)) => relu_grad(s, s.load(y.add(at(stride))), sum),
            };
            s.store(self.to.add(at(self.stride)), sum);
        }
    }
}

impl DenseGradInput {
    /// Copies the weights of these outputs, the first a block's first, for sixteen inputs from `first_input`, turned
    /// over: `turned[output][input]`. Inputs beyond the last are 0.
    #[inline(always)]
    unsafe fn turn<S: Simd>(
        &self,
        s: S,
        view: View,
        first_input: usize,
        outputs: Range<usize>,
        turned: &mut [MaybeUninit<f32>],
    ) {
        let inputs = self.dx.columns;
        let w = view.at(self.w);
        for (start, turned) in outputs
            .step_by(LANES)
            .zip(turned.chunks_exact_mut(LANES * LANES))
        {
            let block = start / LANES;
            let mut tile = [s.splat(0.0); LANES];
            for (row, input) in tile.iter_mut().zip(first_input..inputs) {
                // SAFETY: the weights have this block of outputs for this input.
                *row = unsafe { s.load(w.add((block * inputs + input) * LANES)) };
            }
            let rows = turned.chunks_exact_mut(LANES);
            for (to, turned_row) in rows.zip(s.transpose(tile)) {
                // SAFETY: the chunk has LANES values.
                unsafe { s.store(to.as_mut_ptr().cast(), turned_row) }
            }
        }
    }
}
