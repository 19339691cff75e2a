//! Batch norm: in training, its gradient, and in evaluation. Slices are sixteen channels; a slice's
//! images were just written by the same thread and are still in its cache, so three passes over
//! them cost little.

use std::ops::Range;

use super::{Images, Run, Step, images::Value};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// Values of sixteen channels, as vectors of the net have them.
type Channels = [f32; LANES];

/// y = γ·(x − mean)/√(variance + ε) + β with the batch's statistics; then another tensor added and
/// ReLU applied where they are fused in. The moving statistics follow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BatchNorm {
    pub(crate) x: Images,
    pub(crate) y: Images,
    pub(crate) scale: Scale,
    pub(crate) other: Option<Images>,
    pub(crate) relu: bool,
    pub(crate) statistics: Statistics,
}

/// Where γ and β are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub(crate) weight: Place,
    pub(crate) bias: Place,
    pub(crate) epsilon: f64,
}

/// Which statistics normalise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Statistics {
    /// The batch's: kept for the gradient, and the moving ones follow.
    Batch {
        mean: Place,
        inverse_deviation: Place,
        moving_mean: Place,
        moving_variance: Place,
        momentum: f64,
    },
    /// The moving ones, which stay.
    Moving { mean: Place, variance: Place },
}

impl Run for BatchNorm {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let slices = slices.start..slices.end.min(self.x.channels.div_ceil(LANES));
        for slice in slices {
            let channels = self.x.channels_of(slice..slice + 1);
            let first = channels.start;
            // SAFETY: x, y, other and all vectors have these channels.
            unsafe {
                let (mean, inverse_deviation) = self.statistics(s, view, channels.clone());
                let (mut factor, mut shift) = ([0.0; LANES], [0.0; LANES]);
                for channel in 0..channels.len() {
                    let weight = *view.at(self.scale.weight).add(first + channel);
                    let bias = *view.at(self.scale.bias).add(first + channel);
                    factor[channel] = weight * inverse_deviation[channel];
                    shift[channel] = bias;
                }
                for position in 0..self.x.positions {
                    let at_once = self.y.channels_at_once();
                    for channel in (0..channels.len()).step_by(at_once) {
                        let of_both = |values: &Channels| {
                            let last = channel + at_once - 1;
                            [s.splat(values[channel]), s.splat(values[last])]
                        };
                        let (mean, factor) = (of_both(&mean), of_both(&factor));
                        let shift = of_both(&shift);
                        for at in (0..self.x.stride).step_by(LANES) {
                            let value = Normalised {
                                s,
                                norm: self,
                                place: (view, position, at),
                                mean,
                                factor,
                                shift,
                            };
                            self.y.store(s, view, position, first + channel, at, value);
                        }
                    }
                }
            }
        }
    }
}

/// Sixteen samples of y, of an even channel or of the one behind it.
struct Normalised<'a, S: Simd> {
    s: S,
    norm: &'a BatchNorm,
    /// The position, and the first sample.
    place: (View, usize, usize),
    mean: [S::Block; 2],
    factor: [S::Block; 2],
    shift: [S::Block; 2],
}

impl<S: Simd> Value<S> for Normalised<'_, S> {
    #[inline(always)]
    unsafe fn of(&self, channel: usize) -> S::Block {
        let Self { s, norm, .. } = *self;
        let (view, position, at) = self.place;
        let which = channel % 2;
        // SAFETY: x and other have this channel, position and block.
        unsafe {
            let x = s.load(norm.x.at(view, position, channel).add(at));
            let centred = s.sub(x, self.mean[which]);
            let value = s.mul_add(centred, self.factor[which], self.shift[which]);
            let value = match norm.other {
                Some(other) => s.add(value, other.load(s, view, position, channel, at)),
                None => value,
            };
            if norm.relu {
                s.max(value, s.splat(0.0))
            } else {
                value
            }
        }
    }
}

impl BatchNorm {
    /// The mean and the inverse deviation that normalise these channels.
    #[inline(always)]
    unsafe fn statistics<S: Simd>(
        &self,
        s: S,
        view: View,
        channels: Range<usize>,
    ) -> (Channels, Channels) {
        let inverse = |variance: f32| 1.0 / (variance + self.scale.epsilon as f32).sqrt();
        let (mut means, mut inverses) = ([0.0; LANES], [0.0; LANES]);
        // SAFETY: all vectors have these channels.
        unsafe {
            match self.statistics {
                Statistics::Moving { mean, variance } => {
                    for (index, channel) in channels.enumerate() {
                        means[index] = *view.at(mean).add(channel);
                        inverses[index] = inverse(*view.at(variance).add(channel));
                    }
                }
                Statistics::Batch {
                    mean,
                    inverse_deviation,
                    moving_mean,
                    moving_variance,
                    momentum,
                } => {
                    let count = (self.x.positions * self.x.samples) as f32;
                    let (sums, _) = sums(s, view, self.x, channels.clone(), &[0.0; LANES]);
                    means = sums.map(|sum| sum / count);
                    // Two passes: E[x²] − E[x]² would lose all digits where the mean is large.
                    let (_, squares) = self::sums(s, view, self.x, channels.clone(), &means);
                    let keep = momentum as f32;
                    let take = (1.0 - momentum) as f32;
                    for (index, channel) in channels.enumerate() {
                        let variance = squares[index] / count;
                        inverses[index] = inverse(variance);
                        *view.at(mean).add(channel) = means[index];
                        *view.at(inverse_deviation).add(channel) = inverses[index];
                        let moving = view.at(moving_mean).add(channel);
                        *moving = keep * *moving + take * means[index];
                        let moving = view.at(moving_variance).add(channel);
                        *moving = keep * *moving + take * variance;
                    }
                }
            }
        }
        (means, inverses)
    }
}

/// Over all positions and samples of each channel: the sum of x − centre, and that of its square.
///
/// # Safety
/// The images have these channels, at most sixteen.
#[inline(always)]
unsafe fn sums<S: Simd>(
    s: S,
    view: View,
    images: Images,
    channels: Range<usize>,
    centre: &Channels,
) -> (Channels, Channels) {
    let zero = s.splat(0.0);
    let (mut sums, mut squares) = ([zero; LANES], [zero; LANES]);
    for position in 0..images.positions {
        for (index, channel) in channels.clone().enumerate() {
            // SAFETY: the caller's promise.
            let x = unsafe { images.at(view, position, channel) };
            let centre = s.splat(centre[index]);
            for start in (0..images.samples).step_by(LANES) {
                // SAFETY: as above; images have whole blocks.
                let mut x = s.sub(unsafe { s.load(x.add(start)) }, centre);
                if images.samples - start < LANES {
                    x = s.keep(s.first(images.samples - start), x);
                }
                sums[index] = s.add(sums[index], x);
                squares[index] = s.mul_add(x, x, squares[index]);
            }
        }
    }
    let (mut sum, mut square) = ([0.0; LANES], [0.0; LANES]);
    for index in 0..LANES {
        sum[index] = s.sum(sums[index]);
        square[index] = s.sum(squares[index]);
    }
    (sum, square)
}

/// The gradients of a batch norm with the batch's statistics: `dβ = Σ dy`, `dγ = Σ dy·x̂`,
/// `dx = γ·inverse_deviation·(dy − dβ/n − x̂·dγ/n)`; dy is masked by ReLU's gradient first where that
/// is fused in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BatchNormGrad {
    pub(crate) dy: Images,
    /// ReLU's output, shaped like dy.
    pub(crate) relu: Option<Images>,
    pub(crate) x: Images,
    pub(crate) weight: Place,
    pub(crate) mean: Place,
    pub(crate) inverse_deviation: Place,
    pub(crate) dx: Images,
    pub(crate) weight_gradient: Place,
    pub(crate) bias_gradient: Place,
}

impl Run for BatchNormGrad {
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
    norm: &'a BatchNormGrad,
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
            let x = s.load(norm.x.at(view, position, channel).add(at));
            let centred = s.sub(x, self.mean[which]);
            let rest = s.neg_mul_add(centred, self.slope[which], s.sub(dy, self.constant[which]));
            s.mul(self.factor[which], rest)
        }
    }
}

impl BatchNormGrad {
    /// `Σ dy` and `Σ dy·x̂` of each channel.
    #[inline(always)]
    unsafe fn sums<S: Simd>(
        &self,
        s: S,
        view: View,
        channels: Range<usize>,
    ) -> (Channels, Channels) {
        let zero = s.splat(0.0);
        let (mut sums, mut products) = ([zero; LANES], [zero; LANES]);
        let (mut sum, mut product) = ([0.0; LANES], [0.0; LANES]);
        // SAFETY: the caller gives channels that all images and vectors have.
        unsafe {
            for position in 0..self.x.positions {
                for (index, channel) in channels.clone().enumerate() {
                    let mean = s.splat(*view.at(self.mean).add(channel));
                    let x = self.x.at(view, position, channel);
                    for at in (0..self.x.samples).step_by(LANES) {
                        let mut dy = self.masked(s, view, position, channel, at);
                        if self.x.samples - at < LANES {
                            dy = s.keep(s.first(self.x.samples - at), dy);
                        }
                        let centred = s.sub(s.load(x.add(at)), mean);
                        sums[index] = s.add(sums[index], dy);
                        products[index] = s.mul_add(dy, centred, products[index]);
                    }
                }
            }
            for (index, channel) in channels.enumerate() {
                sum[index] = s.sum(sums[index]);
                product[index] =
                    s.sum(products[index]) * *view.at(self.inverse_deviation).add(channel);
            }
        }
        (sum, product)
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
