//! Sums over all positions and samples of each channel, a few channels at a time, so that their sums
//! stay in registers.

use std::ops::Range;

use crate::simd::{LANES, Simd};

/// Values of sixteen channels, as vectors of the net have them.
pub(super) type Channels = [f32; LANES];

/// Channels summed at once: two sums of each are half of the registers of AVX-512. Positions lie far
/// apart, so the more channels, the longer the stretches that are read in a row.
const CHANNELS_AT_ONCE: usize = 8;

/// What is summed. A trait and not a closure for the reason of [`super::product::Finish`].
pub(super) trait Terms<S: Simd> {
    /// A first and a second factor for sixteen samples. Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// The images have such a position and channel, and a block at this sample.
    unsafe fn at(
        &self,
        s: S,
        position: usize,
        channel: usize,
        sample: usize,
    ) -> (S::Block, S::Block);
}

/// For each of at most sixteen channels, over so many positions and samples: the sum of the first
/// factors, and that of the products of both.
///
/// # Safety
/// The images that the terms read have these channels, positions and samples, in whole blocks.
#[inline(always)]
pub(super) unsafe fn channel_sums<S: Simd>(
    s: S,
    channels: Range<usize>,
    positions: usize,
    samples: usize,
    terms: &impl Terms<S>,
) -> (Channels, Channels) {
    let (mut sums, mut products) = ([0.0; LANES], [0.0; LANES]);
    let mut channel = channels.start;
    while channel < channels.end {
        let at = channel - channels.start;
        // SAFETY: the channels lie within the caller's range.
        unsafe {
            if channels.end - channel >= CHANNELS_AT_ONCE {
                let (some_sums, some_products) =
                    group::<S, CHANNELS_AT_ONCE>(s, channel, positions, samples, terms);
                sums[at..at + CHANNELS_AT_ONCE].copy_from_slice(&some_sums);
                products[at..at + CHANNELS_AT_ONCE].copy_from_slice(&some_products);
                channel += CHANNELS_AT_ONCE;
            } else {
                let ([sum], [product]) = group::<S, 1>(s, channel, positions, samples, terms);
                (sums[at], products[at]) = (sum, product);
                channel += 1;
            }
        }
    }
    (sums, products)
}

#[inline(always)]
unsafe fn group<S: Simd, const CHANNELS: usize>(
    s: S,
    first: usize,
    positions: usize,
    samples: usize,
    terms: &impl Terms<S>,
) -> ([f32; CHANNELS], [f32; CHANNELS]) {
    let mut sums = [s.splat(0.0); CHANNELS];
    let mut products = [s.splat(0.0); CHANNELS];
    let whole = samples / LANES * LANES;
    for position in 0..positions {
        for sample in (0..whole).step_by(LANES) {
            for channel in 0..CHANNELS {
                // SAFETY: the caller's promise.
                let (a, b) = unsafe { terms.at(s, position, first + channel, sample) };
                sums[channel] = s.add(sums[channel], a);
                products[channel] = s.mul_add(a, b, products[channel]);
            }
        }
        if whole < samples {
            let mask = s.first(samples - whole);
            for channel in 0..CHANNELS {
                // SAFETY: the caller's promise: the last block is a whole one too.
                let (a, b) = unsafe { terms.at(s, position, first + channel, whole) };
                // Both, because what lies beyond the last sample may be anything.
                let (a, b) = (s.keep(mask, a), s.keep(mask, b));
                sums[channel] = s.add(sums[channel], a);
                products[channel] = s.mul_add(a, b, products[channel]);
            }
        }
    }
    let (mut sum, mut product) = ([0.0; CHANNELS], [0.0; CHANNELS]);
    for channel in 0..CHANNELS {
        sum[channel] = s.sum(sums[channel]);
        product[channel] = s.sum(products[channel]);
    }
    (sum, product)
}
