//! Sums of pieces of images that a kernel has just stored, from the caches, for kernels that do not make them while
//! values are in registers.

use std::ops::Range;

use super::{
    Images,
    channel_sums::Terms,
    norm::centred_piece,
    piece_sums::{Pieces, piece_in_memory},
};
use crate::{
    memory::{Place, View},
    simd::{Kernel, LANES, Simd},
};

/// Sums that are left for the batch norm that reads images, or for the gradient of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LeftSums {
    pub(crate) place: Place,
    /// For a gradient: what the norm normalised, and the means of that.
    pub(crate) gradient: Option<(Images, Place)>,
}

impl LeftSums {
    /// Leaves the sums of these slices at these positions, which are whole pieces. What it does is a call.
    ///
    /// # Safety
    /// As of [`super::Run::run`]: the images have these slices and positions, all of them stored, and their sums are
    /// this thread's.
    #[inline(always)]
    pub(crate) unsafe fn leave<S: Simd>(
        &self,
        s: S,
        view: View,
        images: Images,
        (slices, positions): (Range<usize>, Range<usize>),
    ) {
        s.call(Leave {
            sums: *self,
            view,
            images,
            slices,
            positions,
        });
    }
}

/// Only made by [`LeftSums::leave`].
struct Leave {
    sums: LeftSums,
    view: View,
    images: Images,
    slices: Range<usize>,
    positions: Range<usize>,
}

impl Kernel for Leave {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { view, images, .. } = self;
        let pieces = Pieces::of(images);
        for slice in self.slices {
            for piece in pieces.within(self.positions.clone()) {
                let channels = images.channels_of(slice..slice + 1);
                // SAFETY: the promise of `leave`.
                unsafe {
                    let sums = match self.sums.gradient {
                        None => centred_piece(s, view, images, (pieces, piece), channels),
                        Some((x, mean)) => {
                            let terms = GradientTerms {
                                dy: images,
                                x,
                                mean,
                                view,
                            };
                            piece_in_memory(s, pieces, piece, channels, [0.0; LANES], &terms)
                        }
                    };
                    *pieces.place(view, self.sums.place, slice, piece) = sums;
                }
            }
        }
    }
}

/// dy, and x without its mean.
struct GradientTerms {
    dy: Images,
    x: Images,
    mean: Place,
    view: View,
}

impl<S: Simd> Terms<S> for GradientTerms {
    #[inline(always)]
    unsafe fn at(
        &self,
        s: S,
        position: usize,
        channel: usize,
        sample: usize,
    ) -> (S::Block, S::Block) {
        let Self { dy, x, mean, view } = *self;
        // SAFETY: the caller's promise.
        unsafe {
            let mean = s.splat(*view.at(mean).add(channel));
            let x = x.load(s, view, position, channel, sample);
            (dy.load(s, view, position, channel, sample), s.sub(x, mean))
        }
    }
}
