//! Batch norm's gradient in training; of images here, of rows in `norm_rows.rs`. Slices are sixteen
//! channels, or tiles of them where whoever makes dy has left its sums in pieces.

use std::ops::Range;

use super::{
    Images, Run, Step, Tiles,
    channel_sums::{Channels, Terms},
    epilogue::relu_grad,
    images::Values,
    piece_sums::{Pieces, piece_in_memory},
    piece_totals::{Total, left_total},
};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// The gradients of a batch norm with the batch's statistics: `dβ = Σ dy`, `dγ = Σ dy·x̂`,
/// `dx = γ·inverse_deviation·(dy − dβ/n − x̂·dγ/n)`; dy is masked by ReLU's gradient first where that
/// is fused in, and dx rounded to bfloat16 where that is. Of images or of matrices.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BatchNormGrad<T> {
    pub(crate) dy: T,
    /// ReLU's output, shaped like dy.
    pub(crate) relu: Option<T>,
    pub(crate) x: T,
    pub(crate) weight: Place,
    pub(crate) mean: Place,
    pub(crate) inverse_deviation: Place,
    pub(crate) dx: T,
    /// Images are rounded where they are stored in pairs, whatever this says.
    pub(crate) round: bool,
    pub(crate) weight_gradient: Place,
    pub(crate) bias_gradient: Place,
    /// The sums of images' pieces, where whoever made dy has left them.
    pub(crate) sums: Option<Place>,
    /// Pieces of images' positions; none without such sums, and none of rows.
    pub(crate) tiles: Tiles,
}

impl Run for BatchNormGrad<Images> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let pieces = Pieces::of(self.x);
        for (slices, positions) in self.x.parts(self.tiles, slices) {
            for slice in slices {
                // SAFETY: the caller's promise.
                unsafe {
                    let sums = self.sums;
                    let sums = sums.map(|sums| left_total(view, sums, pieces, slice).sums());
                    self.slice(s, view, slice, positions.clone(), sums);
                }
            }
        }
    }
}

impl BatchNormGrad<Images> {
    /// Does one slice at these positions, whose sums `Σ dy` and `Σ dy·(x − mean)` somebody may have made already.
    /// Who has the last position writes the gradients of the parameters.
    ///
    /// # Safety
    /// As of [`Run::run`]; and x has this slice and these positions.
    #[inline(always)]
    pub(super) unsafe fn slice<S: Simd>(
        &self,
        s: S,
        view: View,
        slice: usize,
        positions: Range<usize>,
        sums: Option<(Channels, Channels)>,
    ) {
        let Self { x, .. } = *self;
        let writes = positions.end == x.positions;
        let channels = x.channels_of(slice..slice + 1);
        let count = (x.positions * x.samples) as f32;
        // SAFETY: all images and vectors have these channels.
        unsafe {
            let (sums, mut products) = match sums {
                Some(sums) => sums,
                None => {
                    let terms = GradientTerms { norm: self, view };
                    let pieces = Pieces::of(x);
                    let mut total = Total::NONE;
                    for piece in pieces.within(0..x.positions) {
                        let none = [0.0; LANES];
                        let channels = channels.clone();
                        total.add(&piece_in_memory(s, pieces, piece, channels, none, &terms));
                    }
                    total.sums()
                }
            };
            for (product, channel) in products.iter_mut().zip(channels.clone()) {
                *product *= *view.at(self.inverse_deviation).add(channel);
            }
            let mut values = Gradients {
                s,
                view,
                norm: self,
                first: channels.start,
                mean: [0.0; LANES],
                factor: [0.0; LANES],
                constant: [0.0; LANES],
                slope: [0.0; LANES],
            };
            for (index, channel) in channels.clone().enumerate() {
                let inverse = *view.at(self.inverse_deviation).add(channel);
                values.mean[index] = *view.at(self.mean).add(channel);
                values.factor[index] = *view.at(self.weight).add(channel) * inverse;
                values.constant[index] = sums[index] / count;
                values.slope[index] = inverse * products[index] / count;
            }
            self.dx
                .store_at(s, view, positions, channels.clone(), &values);
            if !writes {
                return;
            }
            for (index, channel) in channels.enumerate() {
                *view.at(self.bias_gradient).add(channel) = sums[index];
                *view.at(self.weight_gradient).add(channel) = products[index];
            }
        }
    }
}

/// The values of dx of a slice, `factor·(dy − constant − (x − mean)·slope)`.
struct Gradients<'a, S> {
    s: S,
    view: View,
    norm: &'a BatchNormGrad<Images>,
    /// The first channel of the slice.
    first: usize,
    mean: Channels,
    factor: Channels,
    constant: Channels,
    slope: Channels,
}

impl<S: Simd> Values<S> for Gradients<'_, S> {
    #[inline(always)]
    unsafe fn of(&self, position: usize, channel: usize, at: usize) -> S::Block {
        let Self { s, view, norm, .. } = *self;
        let index = channel - self.first;
        // SAFETY: x and dy have this channel, position and block.
        unsafe {
            let dy = norm.masked(s, view, position, channel, at);
            let x = norm.x.load(s, view, position, channel, at);
            let centred = s.sub(x, s.splat(self.mean[index]));
            let rest = s.sub(dy, s.splat(self.constant[index]));
            let rest = s.neg_mul_add(centred, s.splat(self.slope[index]), rest);
            s.mul(s.splat(self.factor[index]), rest)
        }
    }
}

impl BatchNormGrad<Images> {
    /// Sixteen samples of dy, behind ReLU's gradient.
    #[inline(always)]
    unsafe fn masked<S: Simd>(
        &self,
        s: S,
        view: View,
        position: usize,
        channel: usize,
        at: usize,
    ) -> S::Block {
        // SAFETY: dy and ReLU's output have this channel, position and block.
        unsafe {
            let dy = s.load(self.dy.at(view, position, channel).add(at));
            match self.relu {
                None => dy,
                Some(y) => {
                    let y = y.load(s, view, position, channel, at);
                    relu_grad(s, y, dy)
                }
            }
        }
    }
}

/// dy behind ReLU's gradient, and x without its mean.
struct GradientTerms<'a> {
    norm: &'a BatchNormGrad<Images>,
    view: View,
}

impl<S: Simd> Terms<S> for GradientTerms<'_> {
    #[inline(always)]
    unsafe fn at(
        &self,
        s: S,
        position: usize,
        channel: usize,
        sample: usize,
    ) -> (S::Block, S::Block) {
        let Self { norm, view } = *self;
        // SAFETY: the caller's promise.
        unsafe {
            let mean = s.splat(*view.at(norm.mean).add(channel));
            let x = norm.x.load(s, view, position, channel, sample);
            (
                norm.masked(s, view, position, channel, sample),
                s.sub(x, mean),
            )
        }
    }
}
