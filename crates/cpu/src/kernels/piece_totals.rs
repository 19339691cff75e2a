//! Sums of pieces, put together: always all of a slice in their order, in double precision, whoever made them.

use super::{
    channel_sums::Channels,
    piece_sums::{PieceSums, Pieces, rounded},
};
use crate::{
    memory::{Place, View},
    simd::LANES,
};

/// Mean, and sum of squares about it, of the pieces that were put together so far.
///
/// T. F. Chan, G. H. Golub, R. J. LeVeque: "Algorithms for Computing the Sample Variance",
/// The American Statistician 37 (1983).
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub(super) struct Spread {
    count: f64,
    means: [f64; LANES],
    squares: [f64; LANES],
}

impl Spread {
    pub(super) const NONE: Self = Self {
        count: 0.0,
        means: [0.0; LANES],
        squares: [0.0; LANES],
    };

    /// Adds the next piece, of so many values of each channel. Its centre is one of its values: what is lost where
    /// values are far from 0 is lost in the mean of all, not in their spread.
    #[inline(always)]
    pub(super) fn add(&mut self, piece: &PieceSums, values: f64) {
        let all = self.count + values;
        let (share, weight) = (values / all, self.count * values / all);
        let one = 1.0 / values;
        for channel in 0..LANES {
            let sum = f64::from(piece.sums[channel]);
            let rest = sum * one;
            let squares = f64::from(piece.products[channel]) - sum * rest;
            // Not `f64::max`, to which not-a-number counts less than 0.
            let squares = if squares < 0.0 { 0.0 } else { squares };
            let apart = f64::from(piece.centres[channel]) + rest - self.means[channel];
            self.means[channel] += apart * share;
            self.squares[channel] += squares + apart * apart * weight;
        }
        self.count = all;
    }

    /// Means and variances.
    #[inline(always)]
    pub(super) fn moments(&self) -> (Channels, Channels) {
        let (mut means, mut variances) = ([0.0; LANES], [0.0; LANES]);
        let one = 1.0 / self.count;
        for channel in 0..LANES {
            means[channel] = self.means[channel] as f32;
            variances[channel] = (self.squares[channel] * one) as f32;
        }
        (means, variances)
    }
}

/// The sums of the pieces that were put together so far, without centres.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub(super) struct Total {
    sums: [f64; LANES],
    products: [f64; LANES],
}

impl Total {
    pub(super) const NONE: Self = Self {
        sums: [0.0; LANES],
        products: [0.0; LANES],
    };

    /// Adds the next piece.
    #[inline(always)]
    pub(super) fn add(&mut self, piece: &PieceSums) {
        for channel in 0..LANES {
            self.sums[channel] += f64::from(piece.sums[channel]);
            self.products[channel] += f64::from(piece.products[channel]);
        }
    }

    /// The sums, and the sums of products.
    #[inline(always)]
    pub(super) fn sums(&self) -> (Channels, Channels) {
        let sums = rounded(&[self.sums, self.products], [0.0; LANES]);
        (sums.sums, sums.products)
    }
}

/// Puts together what others have left of all pieces of a slice.
///
/// # Safety
/// They are there, of images with this slice.
#[inline(always)]
pub(super) unsafe fn left_spread(view: View, sums: Place, pieces: Pieces, slice: usize) -> Spread {
    let mut spread = Spread::NONE;
    for piece in 0..pieces.count {
        // SAFETY: the caller's promise.
        spread.add(
            unsafe { &*pieces.place(view, sums, slice, piece) },
            pieces.values(piece),
        );
    }
    spread
}

/// The same of sums without centres.
///
/// # Safety
/// As of `left_spread`.
#[inline(always)]
pub(super) unsafe fn left_total(view: View, sums: Place, pieces: Pieces, slice: usize) -> Total {
    let mut total = Total::NONE;
    for piece in 0..pieces.count {
        // SAFETY: the caller's promise.
        total.add(unsafe { &*pieces.place(view, sums, slice, piece) });
    }
    total
}
