//! Batch norm, in training and in evaluation; of images here, of rows in `norm_rows.rs`. Slices are
//! sixteen channels. Two passes over a slice's images, which the same thread has just written: one for
//! both sums, one that normalises. Where slices are too few for all threads, whoever makes the images leaves
//! their sums in pieces, and what is left of this is done tile by tile.

use std::ops::Range;

use super::{
    Epilogue, Images, Run, Step, Tiles,
    channel_sums::{Channels, Terms},
    epilogue::relu,
    images::Values,
    piece_sums::{PieceSums, Pieces, piece_in_memory},
    piece_totals::{Spread, left_spread},
};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// y = γ·(x − mean)/√(variance + ε) + β with the batch's statistics; then another tensor added, an activation
/// applied, and rounded to bfloat16, where they are fused in. The moving statistics follow. Of images or
/// of matrices.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BatchNorm<T> {
    pub(crate) x: T,
    pub(crate) y: T,
    pub(crate) scale: Scale,
    pub(crate) other: Option<T>,
    pub(crate) epilogue: Epilogue<T>,
    /// Images are rounded where they are stored in pairs, whatever this says.
    pub(crate) round: bool,
    pub(crate) statistics: Statistics,
    /// The sums of images' pieces, where whoever made x has left them.
    pub(crate) sums: Option<Place>,
    /// Pieces of images' positions; none without such sums, and none of rows.
    pub(crate) tiles: Tiles,
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
        let pieces = Pieces::of(self.x);
        for (slices, positions) in self.x.parts(self.tiles, slices) {
            for slice in slices {
                // SAFETY: the caller's promise.
                unsafe {
                    let sums = self.sums;
                    let moments =
                        sums.map(|sums| Moments::of(&left_spread(view, sums, pieces, slice)));
                    self.slice(s, view, slice, positions.clone(), moments);
                }
            }
        }
    }
}

/// What makes y of x in each channel of a slice: `(x − mean)·factor + shift`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub(super) struct Coefficients {
    pub(super) mean: Channels,
    pub(super) factor: Channels,
    pub(super) shift: Channels,
}

impl Coefficients {
    /// Sixteen values of y, of the channel `index` behind the first.
    #[inline(always)]
    pub(super) fn of<S: Simd>(&self, s: S, index: usize, x: S::Block) -> S::Block {
        let centred = s.sub(x, s.splat(self.mean[index]));
        s.mul_add(
            centred,
            s.splat(self.factor[index]),
            s.splat(self.shift[index]),
        )
    }
}

impl Scale {
    /// The coefficients of channels with these statistics.
    ///
    /// # Safety
    /// γ and β have these channels.
    #[inline(always)]
    pub(super) unsafe fn coefficients(
        self,
        view: View,
        channels: Range<usize>,
        mean: Channels,
        inverse_deviation: Channels,
    ) -> Coefficients {
        let (mut factor, mut shift) = ([0.0; LANES], [0.0; LANES]);
        for (index, channel) in channels.enumerate() {
            // SAFETY: the caller's promise.
            unsafe {
                factor[index] = *view.at(self.weight).add(channel) * inverse_deviation[index];
                shift[index] = *view.at(self.bias).add(channel);
            }
        }
        Coefficients {
            mean,
            factor,
            shift,
        }
    }

    /// The coefficients of channels with the moving statistics.
    ///
    /// # Safety
    /// All vectors have these channels.
    #[inline(always)]
    pub(super) unsafe fn of_moving(
        self,
        view: View,
        channels: Range<usize>,
        mean: Place,
        variance: Place,
    ) -> Coefficients {
        let (mut means, mut inverses) = ([0.0; LANES], [0.0; LANES]);
        // SAFETY: the caller's promise.
        unsafe {
            for (index, channel) in channels.clone().enumerate() {
                means[index] = *view.at(mean).add(channel);
                inverses[index] = self.inverse_deviation(*view.at(variance).add(channel));
            }
            self.coefficients(view, channels, means, inverses)
        }
    }

    #[inline(always)]
    fn inverse_deviation(self, variance: f32) -> f32 {
        1.0 / (variance + self.epsilon as f32).sqrt()
    }
}

/// The values of y of a slice.
struct Normalised<'a, S> {
    s: S,
    view: View,
    norm: &'a BatchNorm<Images>,
    /// The first channel of the slice.
    first: usize,
    coefficients: Coefficients,
}

impl<S: Simd> Values<S> for Normalised<'_, S> {
    #[inline(always)]
    unsafe fn of(&self, position: usize, channel: usize, at: usize) -> S::Block {
        let Self { s, view, norm, .. } = *self;
        // SAFETY: x and other have this channel, position and block.
        unsafe {
            let x = norm.x.load(s, view, position, channel, at);
            let value = self.coefficients.of(s, channel - self.first, x);
            let value = match norm.other {
                Some(other) => s.add(value, other.load(s, view, position, channel, at)),
                None => value,
            };
            if norm.epilogue.is_relu() {
                relu(s, value)
            } else {
                value
            }
        }
    }
}

impl BatchNorm<Images> {
    /// Does one slice at these positions, of which somebody may have made the moments over the batch already. Who
    /// has the last position writes the statistics.
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
        moments: Option<Moments>,
    ) {
        let channels = self.x.channels_of(slice..slice + 1);
        let writes = positions.end == self.x.positions;
        // SAFETY: x, y, other and all vectors have these channels.
        unsafe {
            let values = Normalised {
                s,
                view,
                norm: self,
                first: channels.start,
                coefficients: self.coefficients(s, view, channels.clone(), moments, writes),
            };
            if !self.epilogue.is_tile() {
                self.y.store_at(s, view, positions, channels, &values);
                return;
            }
            let extents = self.y.extents(slice);
            for position in positions {
                let here = position..position + 1;
                self.y.store_at(s, view, here, channels.clone(), &values);
                let rows = |images: Images| images.rows(view, slice, position);
                self.epilogue.go_over(s, extents, self.y, rows);
            }
        }
    }
}

/// Mean and variance of at most sixteen channels over the batch; those that are missing may have any.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    pub(super) means: Channels,
    pub(super) variances: Channels,
}

/// What a batch norm normalises.
pub(crate) trait Normed {
    /// Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// It has these channels.
    unsafe fn moments<S: Simd>(&self, s: S, view: View, channels: Range<usize>) -> Moments;
}

impl<T: Normed> BatchNorm<T> {
    /// The coefficients of these channels, 0 for those that are missing; the moving statistics follow
    /// the batch's, where this slice `writes` statistics.
    #[inline(always)]
    pub(super) unsafe fn coefficients<S: Simd>(
        &self,
        s: S,
        view: View,
        channels: Range<usize>,
        moments: Option<Moments>,
        writes: bool,
    ) -> Coefficients {
        // SAFETY: x and all vectors have these channels.
        unsafe {
            match self.statistics {
                Statistics::Moving { mean, variance } => {
                    self.scale.of_moving(view, channels, mean, variance)
                }
                Statistics::Batch {
                    mean,
                    inverse_deviation,
                    moving_mean,
                    moving_variance,
                    momentum,
                } => {
                    let of_batch = match moments {
                        Some(moments) => moments,
                        None => self.x.moments(s, view, channels.clone()),
                    };
                    let keep = momentum as f32;
                    let take = (1.0 - momentum) as f32;
                    let (mut means, mut inverses) = ([0.0; LANES], [0.0; LANES]);
                    for (index, channel) in channels.clone().enumerate() {
                        let variance = of_batch.variances[index];
                        means[index] = of_batch.means[index];
                        inverses[index] = self.scale.inverse_deviation(variance);
                        if !writes {
                            continue;
                        }
                        *view.at(mean).add(channel) = means[index];
                        *view.at(inverse_deviation).add(channel) = inverses[index];
                        let moving = view.at(moving_mean).add(channel);
                        *moving = keep * *moving + take * means[index];
                        let moving = view.at(moving_variance).add(channel);
                        *moving = keep * *moving + take * variance;
                    }
                    self.scale.coefficients(view, channels, means, inverses)
                }
            }
        }
    }
}

impl Moments {
    #[inline(always)]
    pub(super) fn of(spread: &Spread) -> Self {
        let (means, variances) = spread.moments();
        Self { means, variances }
    }
}

impl Normed for Images {
    #[inline(always)]
    unsafe fn moments<S: Simd>(&self, s: S, view: View, channels: Range<usize>) -> Moments {
        let pieces = Pieces::of(*self);
        let mut spread = Spread::NONE;
        for piece in pieces.within(0..self.positions) {
            // SAFETY: the caller's promise.
            let of_piece =
                unsafe { centred_piece(s, view, *self, (pieces, piece), channels.clone()) };
            spread.add(&of_piece, pieces.values(piece));
        }
        Moments::of(&spread)
    }
}

/// The sums of a piece of x, each channel about its first value there.
///
/// # Safety
/// x has these channels, and this piece.
#[inline(always)]
pub(super) unsafe fn centred_piece<S: Simd>(
    s: S,
    view: View,
    x: Images,
    (pieces, piece): (Pieces, usize),
    channels: Range<usize>,
) -> PieceSums {
    let mut centred = Centred {
        x,
        view,
        first: channels.start,
        centres: [0.0; LANES],
    };
    // SAFETY: the caller's promise.
    unsafe {
        let position = pieces.positions(piece).start;
        for (centre, channel) in centred.centres.iter_mut().zip(channels.clone()) {
            *centre = s.to_array(x.load(s, view, position, channel, 0))[0];
        }
        let centres = centred.centres;
        piece_in_memory(s, pieces, piece, channels, centres, &centred)
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
