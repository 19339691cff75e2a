//! Batch norm, in training and in evaluation; of images here, of rows in `norm_rows.rs`. Slices are
//! sixteen channels. Two passes over a slice's images, which the same thread has just written: one for
//! both sums, one that normalises.

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

/// y = γ·(x − mean)/√(variance + ε) + β with the batch's statistics; then another tensor added, ReLU
/// applied, and rounded to bfloat16, where they are fused in. The moving statistics follow. Of images or
/// of matrices.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BatchNorm<T> {
    pub(crate) x: T,
    pub(crate) y: T,
    pub(crate) scale: Scale,
    pub(crate) other: Option<T>,
    pub(crate) relu: bool,
    /// Images are rounded where they are stored in pairs, whatever this says.
    pub(crate) round: bool,
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

impl Run for BatchNorm<Images> {
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
    norm: &'a BatchNorm<Images>,
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
            let x = norm.x.load(s, view, position, channel, at);
            let centred = s.sub(x, self.mean[which]);
            let value = s.mul_add(centred, self.factor[which], self.shift[which]);
            let value = match norm.other {
                Some(other) => s.add(value, other.load(s, view, position, channel, at)),
                None => value,
            };
            if norm.relu {
                s.max(s.splat(0.0), value)
            } else {
                value
            }
        }
    }
}

/// What a batch norm normalises.
pub(crate) trait Normed {
    /// Mean and variance of at most sixteen channels over the batch; 0 for those that are missing. Must
    /// be `#[inline(always)]`.
    ///
    /// # Safety
    /// It has these channels.
    unsafe fn mean_and_variance<S: Simd>(
        &self,
        s: S,
        view: View,
        channels: Range<usize>,
    ) -> (Channels, Channels);
}

impl<T: Normed> BatchNorm<T> {
    /// The mean and the inverse deviation that normalise these channels; 0 for those that are missing.
    #[inline(always)]
    pub(super) unsafe fn statistics<S: Simd>(
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
                    let variances;
                    (means, variances) = self.x.mean_and_variance(s, view, channels.clone());
                    let keep = momentum as f32;
                    let take = (1.0 - momentum) as f32;
                    for (index, channel) in channels.enumerate() {
                        let variance = variances[index];
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

impl Normed for Images {
    /// In one pass over shifted values, with the mean at the first position for a shift. E[x²] − E[x]²
    /// as it stands loses all digits where the mean is large; shifted so, it loses at most as many as
    /// there are in the number of positions, because that position's mean is in the variance too.
    /// T. F. Chan, G. H. Golub, R. J. LeVeque: "Algorithms for Computing the Sample Variance",
    /// The American Statistician 37 (1983).
    #[inline(always)]
    unsafe fn mean_and_variance<S: Simd>(
        &self,
        s: S,
        view: View,
        channels: Range<usize>,
    ) -> (Channels, Channels) {
        let Images {
            positions, samples, ..
        } = *self;
        let mut centred = Centred {
            x: *self,
            view,
            first: channels.start,
            centres: [0.0; LANES],
        };
        // SAFETY: the caller gives channels that x has.
        unsafe {
            let (sums, _) = channel_sums(s, channels.clone(), 1, samples, &centred);
            for (centre, sum) in centred.centres.iter_mut().zip(sums) {
                *centre = sum / samples as f32;
            }
        }
        // SAFETY: as above.
        let (sums, squares) = unsafe { channel_sums(s, channels, positions, samples, &centred) };
        let count = (positions * samples) as f32;
        let mut means = centred.centres;
        let mut variances = [0.0; LANES];
        for index in 0..LANES {
            let rest = sums[index] / count;
            means[index] += rest;
            variances[index] = (squares[index] / count - rest * rest).max(0.0);
        }
        (means, variances)
    }
}

/// x without a centre for each channel, and its square.
struct Centred {
    x: Images,
    view: View,
    /// The channel that the first centre belongs to.
    first: usize,
    centres: Channels,
}

impl<S: Simd> Terms<S> for Centred {
    #[inline(always)]
    unsafe fn at(
        &self,
        s: S,
        position: usize,
        channel: usize,
        sample: usize,
    ) -> (S::Block, S::Block) {
        // SAFETY: the caller's promise.
        let x = unsafe { self.x.load(s, self.view, position, channel, sample) };
        let centred = s.sub(x, s.splat(self.centres[channel - self.first]));
        (centred, centred)
    }
}
