//! What kernels on images share: images lie as `[position][channel][sample]`, samples side by side in
//! whole blocks, so that a block is sixteen samples of one channel at one position. A slice is
//! sixteen channels.

use std::ops::Range;

use crate::{
    memory::{Place, View},
    simd::LANES,
};

/// Images in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Images {
    pub(crate) place: Place,
    /// Height × width.
    pub(crate) positions: usize,
    pub(crate) channels: usize,
    pub(crate) samples: usize,
    /// Values from one channel to the next: `samples` and whole blocks.
    pub(crate) stride: usize,
}

impl Images {
    /// The blocks of one channel at one position.
    pub(super) fn sample_blocks(self) -> usize {
        self.stride / LANES
    }

    /// Values from one position to the next.
    pub(super) fn position_stride(self) -> usize {
        self.channels * self.stride
    }

    /// The channels of a range of slices.
    pub(super) fn channels_of(self, slices: Range<usize>) -> Range<usize> {
        slices.start * LANES..self.channels.min(slices.end * LANES)
    }

    /// A pointer to the first sample of a channel at a position.
    ///
    /// # Safety
    /// The images have such a position and such a channel.
    #[inline(always)]
    pub(super) unsafe fn at(self, view: View, position: usize, channel: usize) -> *mut f32 {
        // SAFETY: the caller's promise.
        unsafe {
            view.at(self.place)
                .add(position * self.position_stride() + channel * self.stride)
        }
    }
}
