//! Sums over all positions and samples of each channel, a few channels at a time, so that their sums
//! stay in registers; and over all rows of a matrix. Their order is that of [`super::sum_tree`].

use std::ops::Range;

use super::sum_tree::{Runs, SumTree, blocks_of};
use crate::simd::{LANES, Simd};

/// Values of sixteen channels, as vectors of the net have them.
pub(crate) type Channels = [f32; LANES];

/// Channels summed at once: two sums of each are half of the registers of AVX-512. Positions lie far
/// apart, so the more channels, the longer the stretches that are read in a row.
const CHANNELS_AT_ONCE: usize = 8;

/// What is summed. A trait and not a closure for the reason of [`super::product::Finish`].
pub(crate) trait Terms<S: Simd> {
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
pub(crate) unsafe fn channel_sums<S: Simd>(
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
                    lanes::<S, CHANNELS_AT_ONCE>(s, channel, positions, samples, terms);
                for index in 0..CHANNELS_AT_ONCE {
                    sums[at + index] = s.sum(some_sums[index]);
                    products[at + index] = s.sum(some_products[index]);
                }
                channel += CHANNELS_AT_ONCE;
            } else {
                let ([sum], [product]) = lanes::<S, 1>(s, channel, positions, samples, terms);
                (sums[at], products[at]) = (s.sum(sum), s.sum(product));
                channel += 1;
            }
        }
    }
    (sums, products)
}

/// For each lane the sums over so many rows: of the first factors, and of the products of both. To the
/// terms a row is a position, a block of columns a channel, and the sample is 0.
///
/// # Safety
/// What the terms read has these rows and this block.
#[inline(always)]
pub(crate) unsafe fn row_sums<S: Simd>(
    s: S,
    block: usize,
    rows: usize,
    terms: &impl Terms<S>,
) -> (S::Block, S::Block) {
    // SAFETY: the caller's promise.
    let ([sum], [product]) = unsafe { lanes::<S, 1>(s, block, rows, LANES, terms) };
    (sum, product)
}

/// The sums of some channels, still in sixteen lanes each.
#[inline(always)]
unsafe fn lanes<S: Simd, const CHANNELS: usize>(
    s: S,
    first: usize,
    positions: usize,
    samples: usize,
    terms: &impl Terms<S>,
) -> ([S::Block; CHANNELS], [S::Block; CHANNELS]) {
    let tree = SumTree::new(blocks_of(samples));
    let whole_blocks = samples / LANES;
    let mut all_sums = [Runs::zero(s); CHANNELS];
    let mut all_products = [Runs::zero(s); CHANNELS];
    for run in 0..tree.runs(positions) {
        let (positions, blocks) = tree.part(run, positions);
        let mut sums = [s.splat(0.0); CHANNELS];
        let mut products = [s.splat(0.0); CHANNELS];
        for position in positions {
            for block in blocks.start..blocks.end.min(whole_blocks) {
                for channel in 0..CHANNELS {
                    // SAFETY: the caller's promise.
                    let (a, b) = unsafe { terms.at(s, position, first + channel, block * LANES) };
                    sums[channel] = s.add(sums[channel], a);
                    products[channel] = s.mul_add(a, b, products[channel]);
                }
            }
            if blocks.end > whole_blocks {
                let whole = whole_blocks * LANES;
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
        for channel in 0..CHANNELS {
            all_sums[channel].add(s, run, sums[channel]);
            all_products[channel].add(s, run, products[channel]);
        }
    }
    (
        all_sums.map(|runs| runs.sum(s)),
        all_products.map(|runs| runs.sum(s)),
    )
}

#[cfg(test)]
mod tests;
