//! What kernels on images share: images lie as `[position][channel][sample]`, samples side by side in
//! whole blocks, so that a block is sixteen samples of one channel at one position. A slice is
//! sixteen channels. Rounded to bfloat16 they lie as `[position][channel/2][sample][2]`: two channels
//! share the 32 bits of a lane, the first in the lower half; a channel that is missing is 0.

use std::ops::Range;

use super::Tiles;
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// Images in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Images {
    pub(crate) place: Place,
    /// Height × width.
    pub(crate) positions: usize,
    pub(crate) channels: usize,
    pub(crate) samples: usize,
    /// Values from one channel, or pair of channels, to the next: `samples` and whole blocks.
    pub(crate) stride: usize,
    /// Whether these are pairs of bfloat16.
    pub(crate) paired: bool,
}

impl Images {
    /// The blocks of one channel at one position.
    pub(crate) fn sample_blocks(self) -> usize {
        self.stride / LANES
    }

    /// Values from one position to the next.
    pub(super) fn position_stride(self) -> usize {
        if self.paired {
            self.channels.div_ceil(2) * self.stride
        } else {
            self.channels * self.stride
        }
    }

    /// All values, of whole blocks.
    pub(super) fn values(self) -> usize {
        self.positions * self.position_stride()
    }

    /// Channels that do not share their lanes: all, or as many as there are pairs.
    pub(crate) fn lanes_of_channels(self) -> usize {
        self.channels.div_ceil(self.channels_at_once())
    }

    /// The channels of a range of slices.
    pub(crate) fn channels_of(self, slices: Range<usize>) -> Range<usize> {
        slices.start * LANES..self.channels.min(slices.end * LANES)
    }

    /// Slices of channels with positions of theirs: what these tiles of the images are.
    #[inline(always)]
    pub(crate) fn parts(
        self,
        cut: Tiles,
        tiles: Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        cut.of(tiles, self.channels.div_ceil(LANES), self.positions)
    }

    /// A pointer to the first sample of a pair of channels at a position.
    ///
    /// # Safety
    /// The images are paired, and have such a position and such a pair.
    #[inline(always)]
    pub(super) unsafe fn pair_at(self, view: View, position: usize, pair: usize) -> *mut f32 {
        // SAFETY: the caller's promise.
        unsafe {
            view.at(self.place)
                .add(position * self.position_stride() + pair * self.stride)
        }
    }

    /// Sixteen samples of a channel at a position, from sample `at` on, whether paired or not.
    ///
    /// # Safety
    /// The images have such a position, channel and block.
    #[inline(always)]
    pub(crate) unsafe fn load<S: Simd>(
        self,
        s: S,
        view: View,
        position: usize,
        channel: usize,
        at: usize,
    ) -> S::Block {
        // SAFETY: the caller's promise.
        unsafe {
            if !self.paired {
                return s.load(self.at(view, position, channel).add(at));
            }
            let pairs = s.load(self.pair_at(view, position, channel / 2).add(at));
            if channel.is_multiple_of(2) {
                s.low(pairs)
            } else {
                s.high(pairs)
            }
        }
    }

    /// Stores what `values` gives of each of these channels, the first of which is even, at these positions.
    ///
    /// # Safety
    /// The images have these channels and positions, and so has what the values are made from.
    #[inline(always)]
    pub(super) unsafe fn store_at<S: Simd>(
        self,
        s: S,
        view: View,
        positions: Range<usize>,
        channels: Range<usize>,
        values: &impl Values<S>,
    ) {
        for position in positions {
            for channel in channels.clone().step_by(self.channels_at_once()) {
                for at in (0..self.stride).step_by(LANES) {
                    // SAFETY: the images have this position, these channels and this block.
                    unsafe {
                        let first = values.of(position, channel, at);
                        if !self.paired {
                            s.store(self.at(view, position, channel).add(at), first);
                            continue;
                        }
                        let second = if channel + 1 < self.channels {
                            values.of(position, channel + 1, at)
                        } else {
                            s.splat(0.0)
                        };
                        let to = self.pair_at(view, position, channel / 2).add(at);
                        s.store(to, s.pair(first, second));
                    }
                }
            }
        }
    }

    /// How many channels share their lanes.
    #[inline(always)]
    fn channels_at_once(self) -> usize {
        if self.paired { 2 } else { 1 }
    }

    /// A pointer to the first sample of a channel at a position.
    ///
    /// # Safety
    /// The images are not paired, and have such a position and such a channel.
    #[inline(always)]
    pub(crate) unsafe fn at(self, view: View, position: usize, channel: usize) -> *mut f32 {
        // SAFETY: the caller's promise.
        unsafe {
            view.at(self.place)
                .add(position * self.position_stride() + channel * self.stride)
        }
    }
}

/// Gives sixteen samples of a channel at a position, from sample `at` on. A trait and not a closure for
/// the reason of [`super::product::Finish`].
pub(super) trait Values<S: Simd> {
    /// Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// The images that it reads have this position, channel and block.
    unsafe fn of(&self, position: usize, channel: usize, at: usize) -> S::Block;
}
