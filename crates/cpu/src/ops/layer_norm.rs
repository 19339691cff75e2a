//! Layer norm and its gradients. Lines of channels are rows of a matrix, or positions of images, sixteen
//! samples at once: a kernel is written once for both. y and dx are cut by lines, dγ by channels.

use std::ops::Range;

use laptime_graph::{
    Axis, CHANNELS, LayerNorm, LayerNormGrad, LayerNormGradScale, Operation, TensorId,
    schedule::{Part, Split},
};

use super::{
    Arranging, CpuOp, Cut, Group, Places, Task,
    arranging::{BY_CHANNELS, along},
    update::gradient_use,
};
use crate::{
    extents::{extent, lines},
    kernels::{
        GradientUse, Images, Matrix, Rule, Run, Step, Terms, blocks, channel_sums, row_sums,
        with_rule,
    },
    memory::{Place, View},
    simd::{LANES, Simd},
};

impl CpuOp for LayerNorm {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        by_lines(at)
    }

    fn keeps(&self, tensor: TensorId, own: &Operation, _: &Arranging) -> bool {
        // In evaluation too, where nobody reads the statistics: one kernel serves both.
        own.outputs[1..].contains(&tensor)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        if at.is_images(group.main.inputs[0]) {
            Task::ImageLayerNorm(norm(group, at, self.epsilon, |id| at.images(id)))
        } else {
            Task::LayerNorm(norm(group, at, self.epsilon, |id| at.matrix(id)))
        }
    }
}

impl CpuOp for LayerNormGrad {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        by_lines(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        if at.is_images(group.main.outputs[0]) {
            Task::ImageLayerNormGrad(gradient(group, at, |id| at.images(id)))
        } else {
            Task::LayerNormGrad(gradient(group, at, |id| at.matrix(id)))
        }
    }
}

impl CpuOp for LayerNormGradScale {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        let part = |id| match at.program.tensor(id).has(Axis::Channel) {
            true => BY_CHANNELS,
            false => Part::Whole,
        };
        vec![at.sliced(at.main().inputs[0], CHANNELS, part)]
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        if at.is_images(group.main.inputs[0]) {
            Task::ImageLayerNormGradScale(scale_gradient(group, at, |id| at.images(id)))
        } else {
            Task::LayerNormGradScale(scale_gradient(group, at, |id| at.matrix(id)))
        }
    }
}

/// A row or a position of each tensor that has them a slice.
fn by_lines(at: &Arranging) -> Vec<Cut> {
    let axes = lines(at.program, at.main().outputs[0]);
    let count = extent(at.program, at.main().outputs[0], axes);
    let part = |id| match at.program.tensor(id).has(Axis::Batch) {
        true => along(axes, 1),
        false => Part::Whole,
    };
    vec![at.cut(Some(count), Split::Slices, part)]
}

fn norm<T>(group: &Group, at: &Places, epsilon: f64, of: impl Fn(TensorId) -> T) -> Norm<T> {
    let (inputs, outputs) = (&group.main.inputs, &group.main.outputs);
    Norm {
        x: of(inputs[0]),
        weight: at.place(inputs[1]),
        bias: at.place(inputs[2]),
        y: of(outputs[0]),
        mean: of(outputs[1]),
        inverse_deviation: of(outputs[2]),
        epsilon,
    }
}

fn gradient<T>(group: &Group, at: &Places, of: impl Fn(TensorId) -> T) -> NormGrad<T> {
    let inputs = &group.main.inputs;
    NormGrad {
        dy: of(inputs[0]),
        x: of(inputs[1]),
        weight: at.place(inputs[2]),
        mean: of(inputs[3]),
        inverse_deviation: of(inputs[4]),
        dx: of(group.main.outputs[0]),
    }
}

fn scale_gradient<T>(group: &Group, at: &Places, of: impl Fn(TensorId) -> T) -> NormGradScale<T> {
    let inputs = &group.main.inputs;
    NormGradScale {
        dy: of(inputs[0]),
        x: of(inputs[1]),
        mean: of(inputs[2]),
        inverse_deviation: of(inputs[3]),
        to: gradient_use(group, at),
    }
}

/// y = γ·(x − mean)·inverse_deviation + β for each line, with its statistics. Slices are rows or positions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Norm<T> {
    x: T,
    weight: Place,
    bias: Place,
    y: T,
    /// One value a line, as the next.
    mean: T,
    inverse_deviation: T,
    epsilon: f64,
}

/// dx of a layer norm. Slices are rows or positions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NormGrad<T> {
    dy: T,
    x: T,
    weight: Place,
    mean: T,
    inverse_deviation: T,
    dx: T,
}

/// dγ (C) = Σ dy·x̂. Slices are sixteen channels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NormGradScale<T> {
    dy: T,
    x: T,
    mean: T,
    inverse_deviation: T,
    to: GradientUse,
}

/// The lines of a tensor, block by block. All methods must be `#[inline(always)]`.
///
/// # Safety
/// The tensor has the lines and blocks that it is asked for.
trait Lines: Copy {
    /// In a slice.
    fn lines(self) -> usize;

    /// Of a line.
    fn blocks(self) -> usize;

    /// Values of a line.
    fn channels(self) -> usize;

    unsafe fn load<S: Simd>(self, s: S, view: View, at: Line, block: usize) -> S::Block;

    /// Padding of rows becomes 0.
    unsafe fn store<S: Simd>(self, s: S, view: View, at: Line, block: usize, value: S::Block);

    /// The value without what lies beyond the last channel.
    fn within<S: Simd>(self, s: S, block: usize, value: S::Block) -> S::Block;

    /// The sum of a line in every lane, of that of its blocks.
    fn total<S: Simd>(s: S, sum: S::Block) -> S::Block;

    /// A block of a vector (C).
    unsafe fn vector<S: Simd>(s: S, vector: *const f32, block: usize) -> S::Block;

    /// The one value of a line in every lane, of a tensor of such values.
    unsafe fn statistic<S: Simd>(self, s: S, view: View, at: Line) -> S::Block;
}

/// A slice, and which of its lines.
#[derive(Clone, Copy)]
struct Line {
    slice: usize,
    line: usize,
}

impl Lines for Matrix {
    #[inline(always)]
    fn lines(self) -> usize {
        1
    }

    #[inline(always)]
    fn blocks(self) -> usize {
        self.columns.div_ceil(LANES)
    }

    #[inline(always)]
    fn channels(self) -> usize {
        self.columns
    }

    #[inline(always)]
    unsafe fn load<S: Simd>(self, s: S, view: View, at: Line, block: usize) -> S::Block {
        // SAFETY: the caller's promise.
        unsafe { s.load(self.block(view, at.slice, block)) }
    }

    #[inline(always)]
    unsafe fn store<S: Simd>(self, s: S, view: View, at: Line, block: usize, value: S::Block) {
        let value = self.within(s, block, value);
        // SAFETY: the caller's promise.
        unsafe { s.store(self.block(view, at.slice, block), value) }
    }

    #[inline(always)]
    fn within<S: Simd>(self, s: S, block: usize, value: S::Block) -> S::Block {
        match self.columns - block * LANES {
            columns if columns < LANES => s.keep(s.first(columns), value),
            _ => value,
        }
    }

    #[inline(always)]
    fn total<S: Simd>(s: S, sum: S::Block) -> S::Block {
        s.splat(s.sum(sum))
    }

    #[inline(always)]
    unsafe fn vector<S: Simd>(s: S, vector: *const f32, block: usize) -> S::Block {
        // SAFETY: the caller's promise.
        unsafe { s.load(vector.add(block * LANES)) }
    }

    #[inline(always)]
    unsafe fn statistic<S: Simd>(self, s: S, view: View, at: Line) -> S::Block {
        // SAFETY: the caller's promise.
        unsafe { s.splat(*self.block(view, at.slice, 0)) }
    }
}

impl Lines for Images {
    #[inline(always)]
    fn lines(self) -> usize {
        self.sample_blocks()
    }

    #[inline(always)]
    fn blocks(self) -> usize {
        self.channels
    }

    #[inline(always)]
    fn channels(self) -> usize {
        self.channels
    }

    #[inline(always)]
    unsafe fn load<S: Simd>(self, s: S, view: View, at: Line, block: usize) -> S::Block {
        // SAFETY: the caller's promise.
        unsafe { Images::load(self, s, view, at.slice, block, at.line * LANES) }
    }

    #[inline(always)]
    unsafe fn store<S: Simd>(self, s: S, view: View, at: Line, block: usize, value: S::Block) {
        // SAFETY: the caller's promise; what a norm makes is not paired.
        unsafe { s.store(self.at(view, at.slice, block).add(at.line * LANES), value) }
    }

    #[inline(always)]
    fn within<S: Simd>(self, _: S, _: usize, value: S::Block) -> S::Block {
        value
    }

    #[inline(always)]
    fn total<S: Simd>(_: S, sum: S::Block) -> S::Block {
        sum
    }

    #[inline(always)]
    unsafe fn vector<S: Simd>(s: S, vector: *const f32, block: usize) -> S::Block {
        // SAFETY: the caller's promise.
        unsafe { s.splat(*vector.add(block)) }
    }

    #[inline(always)]
    unsafe fn statistic<S: Simd>(self, s: S, view: View, at: Line) -> S::Block {
        // SAFETY: the caller's promise.
        unsafe { Lines::load(self, s, view, at, 0) }
    }
}

impl<T: Lines> Run for Norm<T> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let share = s.splat(1.0 / self.x.channels() as f32);
        for slice in slices {
            for line in 0..self.x.lines() {
                let mut terms = Centred {
                    x: self.x,
                    view,
                    at: Line { slice, line },
                    centre: s.splat(0.0),
                };
                let at = terms.at;
                // SAFETY: all tensors have this line and its blocks, γ and β these blocks; the array has
                // LANES values.
                unsafe {
                    // In two passes: what the second one reads is in the nearest cache.
                    let (sum, _) = row_sums(s, 0, self.x.blocks(), &terms);
                    let mean = s.mul(T::total(s, sum), share);
                    terms.centre = mean;
                    let (_, squares) = row_sums(s, 0, self.x.blocks(), &terms);
                    let variance = s.mul(T::total(s, squares), share);
                    let inverse = s.to_array(s.add(variance, s.splat(self.epsilon as f32)));
                    let inverse = inverse.map(|value| 1.0 / value.sqrt());
                    let inverse = s.load(inverse.as_ptr());
                    self.mean.store(s, view, at, 0, mean);
                    self.inverse_deviation.store(s, view, at, 0, inverse);
                    for block in 0..self.x.blocks() {
                        let weight = T::vector(s, view.at(self.weight), block);
                        let bias = T::vector(s, view.at(self.bias), block);
                        let centred = s.sub(self.x.load(s, view, at, block), mean);
                        let value = s.mul_add(centred, s.mul(inverse, weight), bias);
                        self.y.store(s, view, at, block, value);
                    }
                }
            }
        }
    }
}

/// x without a centre, and its square. To a sum of rows, a block of the line is a row.
struct Centred<T, B> {
    x: T,
    view: View,
    at: Line,
    centre: B,
}

impl<S: Simd, T: Lines> Terms<S> for Centred<T, S::Block> {
    #[inline(always)]
    unsafe fn at(&self, s: S, block: usize, _: usize, _: usize) -> (S::Block, S::Block) {
        // SAFETY: the caller's promise.
        let x = unsafe { self.x.load(s, self.view, self.at, block) };
        let centred = self.x.within(s, block, s.sub(x, self.centre));
        (centred, centred)
    }
}

impl<T: Lines> Run for NormGrad<T> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let share = s.splat(1.0 / self.x.channels() as f32);
        for slice in slices {
            for line in 0..self.x.lines() {
                let at = Line { slice, line };
                // SAFETY: all tensors have this line and its blocks, and γ these blocks.
                unsafe {
                    let inverse = self.inverse_deviation.statistic(s, view, at);
                    let terms = GradientTerms {
                        norm: self,
                        view,
                        at,
                        mean: self.mean.statistic(s, view, at),
                        inverse,
                    };
                    let (sum, products) = row_sums(s, 0, self.x.blocks(), &terms);
                    let [constant, slope] =
                        [sum, products].map(|sum| s.mul(T::total(s, sum), share));
                    for block in 0..self.x.blocks() {
                        let (g, normed) = terms.at(s, block, 0, 0);
                        let rest = s.neg_mul_add(normed, slope, s.sub(g, constant));
                        self.dx.store(s, view, at, block, s.mul(inverse, rest));
                    }
                }
            }
        }
    }
}

/// γ·dy, and x̂.
struct GradientTerms<'a, T, B> {
    norm: &'a NormGrad<T>,
    view: View,
    at: Line,
    mean: B,
    inverse: B,
}

impl<S: Simd, T: Lines> Terms<S> for GradientTerms<'_, T, S::Block> {
    #[inline(always)]
    unsafe fn at(&self, s: S, block: usize, _: usize, _: usize) -> (S::Block, S::Block) {
        let Self { norm, view, at, .. } = *self;
        // SAFETY: the caller's promise.
        unsafe {
            let weight = T::vector(s, view.at(norm.weight), block);
            let dy = norm.dy.load(s, view, at, block);
            let centred = s.sub(norm.x.load(s, view, at, block), self.mean);
            let normed = norm.x.within(s, block, s.mul(centred, self.inverse));
            (s.mul(weight, dy), normed)
        }
    }
}

impl Run for NormGradScale<Matrix> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        with_rule!(&self.to, s, step, view, |rule| {
            for block in blocks(slices, self.x.columns) {
                let terms = ScaleTerms { norm: self, view };
                // SAFETY: dy and x have these rows and this block, the statistics these rows; the parameter
                // has this block, and it is this slice's.
                unsafe {
                    let (_, products) = row_sums(s, block, self.x.rows, &terms);
                    rule.apply(block * LANES, products);
                }
            }
        });
    }
}

impl Run for NormGradScale<Images> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let x = self.x;
        with_rule!(&self.to, s, step, view, |rule| {
            for slice in blocks(slices, x.channels) {
                let channels = x.channels_of(slice..slice + 1);
                let terms = ScaleTerms { norm: self, view };
                // SAFETY: dy and x have these channels, the statistics all positions; the parameter has this
                // block, and it is this slice's; the array has LANES values.
                unsafe {
                    let (_, products) = channel_sums(s, channels, x.positions, x.samples, &terms);
                    rule.apply(slice * LANES, s.load(products.as_ptr()));
                }
            }
        });
    }
}

/// dy, and x̂: at a row and a block of channels, or a position, a channel and a block of samples.
struct ScaleTerms<'a, T> {
    norm: &'a NormGradScale<T>,
    view: View,
}

impl<S: Simd, T: Lines> Terms<S> for ScaleTerms<'_, T> {
    #[inline(always)]
    unsafe fn at(&self, s: S, slice: usize, block: usize, sample: usize) -> (S::Block, S::Block) {
        let Self { norm, view } = *self;
        let at = Line {
            slice,
            line: sample / LANES,
        };
        // SAFETY: the caller's promise.
        unsafe {
            let mean = norm.mean.statistic(s, view, at);
            let inverse = norm.inverse_deviation.statistic(s, view, at);
            let centred = s.sub(norm.x.load(s, view, at, block), mean);
            let normed = norm.x.within(s, block, s.mul(centred, inverse));
            (norm.dy.load(s, view, at, block), normed)
        }
    }
}
