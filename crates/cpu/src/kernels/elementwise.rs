//! What is done value by value, for where it stands alone, and the biases of rows and of images.

use std::ops::Range;

use laptime_graph::Activation;

use super::{
    Images, LeftSums, Matrix, Run, Step, Tiles, blocks,
    channel_sums::{Terms, channel_sums, row_sums},
    epilogue::{Extents, Rows, activate, activate_grad, relu, relu_grad},
    images::Values,
    update::{GradientUse, Rule, with_rule},
};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// y = f(a, b), value by value, of matrices or of images. Slices are sixteen columns or channels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pointwise<T> {
    pub(crate) function: Function,
    /// Pieces of images' positions; rows are not cut.
    pub(crate) tiles: Tiles,
    pub(crate) a: T,
    /// The same as `a` where the function has one operand.
    pub(crate) b: T,
    pub(crate) y: T,
    /// The sums of images' pieces, for a norm that is done apart.
    pub(crate) sums: Option<LeftSums>,
}

/// What is done with the values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Function {
    /// max(a, 0).
    Relu,
    /// b where a > 0, else 0: a is ReLU's output, b its gradient.
    ReluGrad,
    /// a + b.
    Add,
    /// a·b.
    Multiply,
    /// a rounded to bfloat16.
    Round,
}

impl Function {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, a: S::Block, b: S::Block) -> S::Block {
        match self {
            Self::Relu => relu(s, a),
            Self::ReluGrad => relu_grad(s, a, b),
            Self::Add => s.add(a, b),
            Self::Multiply => s.mul(a, b),
            Self::Round => s.to_bf16(a),
        }
    }
}

impl Run for Pointwise<Matrix> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        for row in 0..self.y.rows {
            for block in blocks(slices.clone(), self.y.columns) {
                // SAFETY: all three have the same extents, in whole blocks.
                unsafe {
                    let a = s.load(self.a.block(view, row, block));
                    let b = s.load(self.b.block(view, row, block));
                    s.store(self.y.block(view, row, block), self.function.of(s, a, b));
                }
            }
        }
    }
}

impl Run for Pointwise<Images> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let values = ImageFunction {
            s,
            view,
            pointwise: self,
        };
        let y = self.y;
        for (slices, positions) in y.parts(self.tiles, slices) {
            let channels = y.channels_of(slices.clone());
            // SAFETY: all three have the same extents; tiles are whole pieces.
            unsafe {
                y.store_at(s, view, positions.clone(), channels, &values);
                if let Some(sums) = self.sums {
                    sums.leave(s, view, y, (slices, positions));
                }
            }
        }
    }
}

/// The values of y.
struct ImageFunction<'a, S> {
    s: S,
    view: View,
    pointwise: &'a Pointwise<Images>,
}

impl<S: Simd> Values<S> for ImageFunction<'_, S> {
    #[inline(always)]
    unsafe fn of(&self, position: usize, channel: usize, at: usize) -> S::Block {
        let Self { s, view, .. } = *self;
        let Pointwise { function, a, b, .. } = *self.pointwise;
        // SAFETY: both operands have this position, channel and block.
        unsafe {
            let a = a.load(s, view, position, channel, at);
            let b = b.load(s, view, position, channel, at);
            function.of(s, a, b)
        }
    }
}

/// An activation other than ReLU, or its gradient, that has a kernel to itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Activate<T> {
    pub(crate) activation: Activation,
    /// Pieces of images' positions; rows are not cut.
    pub(crate) tiles: Tiles,
    pub(crate) operands: Operands<T>,
    /// The sums of images' pieces, for a norm that is done apart.
    pub(crate) sums: Option<LeftSums>,
}

/// What it reads and makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Operands<T> {
    /// y of x.
    Forward { x: T, y: T },
    /// dx of what the gradient keeps, and of dy.
    Backward { kept: T, dy: T, dx: T },
}

impl<T: Copy> Operands<T> {
    /// What is made.
    #[inline(always)]
    pub(crate) fn made(self) -> T {
        match self {
            Self::Forward { y, .. } => y,
            Self::Backward { dx, .. } => dx,
        }
    }

    /// The same of something else.
    pub(crate) fn map<U>(self, of: impl Fn(T) -> U) -> Operands<U> {
        match self {
            Self::Forward { x, y } => Operands::Forward { x: of(x), y: of(y) },
            Self::Backward { kept, dy, dx } => Operands::Backward {
                kept: of(kept),
                dy: of(dy),
                dx: of(dx),
            },
        }
    }
}

impl<T: Copy> Activate<T> {
    /// # Safety
    /// As of [`activate`].
    #[inline(always)]
    unsafe fn tile<S: Simd>(&self, s: S, extents: Extents, rows: impl Fn(T) -> Rows) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.operands {
                Operands::Forward { x, y } => {
                    activate(s, self.activation, extents, rows(x), rows(y));
                }
                Operands::Backward { kept, dy, dx } => {
                    let (kept, gradients) = (rows(kept), [rows(dy), rows(dx)]);
                    activate_grad(s, self.activation, extents, kept, gradients);
                }
            }
        }
    }
}

impl Run for Activate<Matrix> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let made = self.operands.made();
        let blocks = blocks(slices, made.columns);
        if blocks.is_empty() {
            return;
        }
        let first = blocks.start;
        // SAFETY: all matrices have the same extents, and these blocks.
        unsafe {
            let extents = made.extents(blocks);
            self.tile(s, extents, |matrix: Matrix| matrix.rows_from(view, first));
        }
    }
}

impl Run for Activate<Images> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let made = self.operands.made();
        for (slices, positions) in made.parts(self.tiles, slices) {
            for position in positions.clone() {
                for slice in slices.clone() {
                    // SAFETY: all images have these channels, at this position, and none is paired: an
                    // activation is rounded behind its kernel.
                    unsafe {
                        let rows = |images: Images| images.rows(view, slice, position);
                        self.tile(s, made.extents(slice), rows);
                    }
                }
            }
            if let Some(sums) = self.sums {
                // SAFETY: the images have these; tiles are whole pieces.
                unsafe { sums.leave(s, view, made, (slices, positions)) }
            }
        }
    }
}

/// y (B, C) = x + b.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bias {
    pub(crate) x: Matrix,
    pub(crate) bias: Place,
    pub(crate) y: Matrix,
}

impl Run for Bias {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        for row in 0..self.x.rows {
            for block in blocks(slices.clone(), self.x.columns) {
                // SAFETY: both have this row and block, the bias has this block.
                unsafe {
                    let bias = s.load(view.at(self.bias).add(block * LANES));
                    let sum = s.add(s.load(self.x.block(view, row, block)), bias);
                    s.store(self.y.block(view, row, block), sum);
                }
            }
        }
    }
}

impl Matrix {
    /// A pointer to a block.
    ///
    /// # Safety
    /// The matrix has such a row and such a block.
    #[inline(always)]
    pub(crate) unsafe fn block(self, view: View, row: usize, block: usize) -> *mut f32 {
        // SAFETY: the caller's promise.
        unsafe { view.at(self.place).add(row * self.stride + block * LANES) }
    }
}

/// db (C) = the sum of dy (B, C) over the batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BiasGrad {
    pub(crate) dy: Matrix,
    pub(crate) to: GradientUse,
}

impl Run for BiasGrad {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        with_rule!(&self.to, s, step, view, |rule| {
            for block in blocks(slices, self.dy.columns) {
                // SAFETY: dy has these rows and this block.
                let (sum, _) =
                    unsafe { row_sums(s, block, self.dy.rows, &ValueTerms(self.dy, view)) };
                // SAFETY: the parameter has this block, and it is this slice's.
                unsafe { rule.apply(block * LANES, sum) }
            }
        });
    }
}

/// The values of a matrix or of images, each as a sum's term.
struct ValueTerms<T>(T, View);

impl<S: Simd> Terms<S> for ValueTerms<Matrix> {
    #[inline(always)]
    unsafe fn at(&self, s: S, row: usize, block: usize, _: usize) -> (S::Block, S::Block) {
        // SAFETY: the caller's promise.
        let value = unsafe { s.load(self.0.block(self.1, row, block)) };
        (value, value)
    }
}

impl<S: Simd> Terms<S> for ValueTerms<Images> {
    #[inline(always)]
    unsafe fn at(
        &self,
        s: S,
        position: usize,
        channel: usize,
        sample: usize,
    ) -> (S::Block, S::Block) {
        // SAFETY: the caller's promise.
        let value = unsafe { self.0.load(s, self.1, position, channel, sample) };
        (value, value)
    }
}

/// y = x + b, a value of b for each channel of images.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChannelBias {
    pub(crate) tiles: Tiles,
    pub(crate) x: Images,
    pub(crate) bias: Place,
    pub(crate) y: Images,
}

impl Run for ChannelBias {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let Self { x, y, .. } = *self;
        for (slices, positions) in x.parts(self.tiles, slices) {
            for position in positions {
                for channel in x.channels_of(slices.clone()) {
                    // SAFETY: both have this position and channel, and the bias this channel.
                    unsafe {
                        let bias = s.splat(*view.at(self.bias).add(channel));
                        let from = x.at(view, position, channel);
                        let to = y.at(view, position, channel);
                        for at in (0..x.stride).step_by(LANES) {
                            s.store(to.add(at), s.add(s.load(from.add(at)), bias));
                        }
                    }
                }
            }
        }
    }
}

/// db (C) = the sum of dy over all positions and samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChannelBiasGrad {
    pub(crate) dy: Images,
    pub(crate) to: GradientUse,
}

impl Run for ChannelBiasGrad {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let dy = self.dy;
        with_rule!(&self.to, s, step, view, |rule| {
            for slice in slices.start..slices.end.min(dy.channels.div_ceil(LANES)) {
                let channels = dy.channels_of(slice..slice + 1);
                // SAFETY: dy has these channels; the parameter has this block, and it is this
                // slice's; the array has LANES values.
                unsafe {
                    let terms = ValueTerms(dy, view);
                    let (gradient, _) = channel_sums(s, channels, dy.positions, dy.samples, &terms);
                    rule.apply(slice * LANES, s.load(gradient.as_ptr()));
                }
            }
        });
    }
}
