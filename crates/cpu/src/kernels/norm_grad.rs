//! Batch norm's gradient in training; of images here, of rows in `norm_rows.rs`. Slices are sixteen
//! channels.

use std::ops::Range;

use super::{
    Images, Run, Step,
    channel_sums::{Channels, Terms, channel_sums},
    images::Value,
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
}

impl Run for BatchNormGrad<Images> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let slices = slices.start..slices.end.min(self.x.channels.div_ceil(LANES));
        let count = (self.x.positions * self.x.samples) as f32;
        for slice in slices {
            let channels = self.x.channels_of(slice..slice + 1);
            // SAFETY: all images and vectors have these channels.
            unsafe {
                let (sums, products) = self.sums(s, view, channels.clone());
                let (mut mean, mut factor) = ([0.0; LANES], [0.0; LANES]);
                let (mut constant, mut slope) = ([0.0; LANES], [0.0; LANES]);
                for (index, channel) in channels.clone().enumerate() {
                    let inverse = *view.at(self.inverse_deviation).add(channel);
                    mean[index] = *view.at(self.mean).add(channel);
                    factor[index] = *view.at(self.weight).add(channel) * inverse;
                    // dy − dβ/n − (x − mean)·inverse·dγ/n
                    constant[index] = sums[index] / count;
                    slope[index] = inverse * products[index] / count;
                }
                for position in 0..self.x.positions {
                    let at_once = self.dx.channels_at_once();
                    for index in (0..channels.len()).step_by(at_once) {
                        let of_both = |values: &Channels| {
                            let last = index + at_once - 1;
                            [s.splat(values[index]), s.splat(values[last])]
                        };
                        let (mean, factor) = (of_both(&mean), of_both(&factor));
                        let (constant, slope) = (of_both(&constant), of_both(&slope));
                        for at in (0..self.x.stride).step_by(LANES) {
                            let value = Gradient {
                                s,
                                norm: self,
                                place: (view, position, at),
                                mean,
                                factor,
                                constant,
                                slope,
                            };
                            let channel = channels.start + index;
                            self.dx.store(s, view, position, channel, at, value);
                        }
                    }
                }
                for (index, channel) in channels.enumerate() {
                    *view.at(self.bias_gradient).add(channel) = sums[index];
                    *view.at(self.weight_gradient).add(channel) = products[index];
                }
            }
        }
    }
}

/// Sixteen samples of dx, of an even channel or of the one behind it.
struct Gradient<'a, S: Simd> {
    s: S,
    norm: &'a BatchNormGrad<Images>,
    /// The position, and the first sample.
    place: (View, usize, usize),
    mean: [S::Block; 2],
    factor: [S::Block; 2],
    constant: [S::Block; 2],
    slope: [S::Block; 2],
}

impl<S: Simd> Value<S> for Gradient<'_, S> {
    #[inline(always)]
    unsafe fn of(&self, channel: usize) -> S::Block {
        let Self { s, norm, .. } = *self;
        let (view, position, at) = self.place;
        let which = channel % 2;
        // SAFETY: x and dy have this channel, position and block.
        unsafe {
            let dy = norm.masked(s, view, position, channel, at);
            let x = norm.x.load(s, view, position, channel, at);
            let centred = s.sub(x, self.mean[which]);
            let rest = s.neg_mul_add(centred, self.slope[which], s.sub(dy, self.constant[which]));
            s.mul(self.factor[which], rest)
        }
    }
}

impl BatchNormGrad<Images> {
    /// `Σ dy` and `Σ dy·x̂` of each channel.
    #[inline(always)]
    unsafe fn sums<S: Simd>(
        &self,
        s: S,
        view: View,
        channels: Range<usize>,
    ) -> (Channels, Channels) {
        let (positions, samples) = (self.x.positions, self.x.samples);
        let terms = GradientTerms { norm: self, view };
        // SAFETY: the caller gives channels that all images and vectors have.
        unsafe {
            let (sums, mut products) =
                channel_sums(s, channels.clone(), positions, samples, &terms);
            for (product, channel) in products.iter_mut().zip(channels) {
                *product *= *view.at(self.inverse_deviation).add(channel);
            }
            (sums, products)
        }
    }

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
                    s.keep(s.greater(y, s.splat(0.0)), dy)
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
