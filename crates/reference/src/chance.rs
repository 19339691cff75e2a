//! Errors by chance, the same every time for a number of draw.

use crate::shares::channel_sums;

/// The distance of two values of 18 significant bits, relative to them, at the most.
const COARSE: f64 = 1.0 / (1u64 << 17) as f64;

/// For each channel (the last extent), the error of a sum over all else: a share, by chance, of what a
/// sum of this size may err by. `value` gives the value of an index and its channel.
pub(crate) fn errors_of_sums(
    values: usize,
    channels: usize,
    draw: u32,
    value: impl Fn(usize, usize) -> f64 + Sync,
) -> Vec<f64> {
    let sizes = channel_sums(values / channels, channels, |rows, sizes| {
        for row in rows {
            for (c, size) in sizes.iter_mut().enumerate() {
                *size += value(row * channels + c, c).abs();
            }
        }
    });
    let sizes = sizes.into_iter().enumerate();
    sizes.map(|(c, size)| error_of_sum(size, c, draw)).collect()
}

/// The error of the sum at an index: a share, by chance, of what a sum of values of this size, all signs apart, may
/// err by.
pub(crate) fn error_of_sum(size: f64, index: usize, draw: u32) -> f64 {
    // In −1..1.
    let share = chance(size, index, draw) as f64 / (1u64 << 63) as f64 - 1.0;
    COARSE * size * share
}

/// 64 bits that look random, for the value at an index.
pub(crate) fn chance(value: f64, index: usize, draw: u32) -> u64 {
    mixed(value.to_bits() ^ mixed(index as u64 ^ u64::from(draw) << 40))
}

/// The step of SplitMix64 (Steele, Lea & Flood 2014).
fn mixed(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
