//! Rounding to bfloat16.

use crate::shares::map;

/// The bits of a `f64`'s fraction that bfloat16, which keeps 7 of 52, does not have.
const DROPPED: u32 = 52 - 7;

/// Every value rounded to 8 significant bits, to the nearest, of two as near to the even one. What is
/// smaller than bfloat16's smallest normal number becomes 0, as kernels flush it; what is too large
/// becomes infinite. The gradient is that of the identity, which takes no function.
pub fn round(x: &[f64]) -> Vec<f64> {
    map(x, to_bf16)
}

fn to_bf16(x: f64) -> f64 {
    if !x.is_finite() {
        return x;
    }
    let bits = x.to_bits();
    let is_odd = (bits >> DROPPED) & 1;
    // A carry out of the fraction makes the exponent one more, as it should.
    let rounded = (bits + (1 << (DROPPED - 1)) - 1 + is_odd) >> DROPPED << DROPPED;
    let rounded = f64::from_bits(rounded);
    if rounded.abs() < f64::from(f32::MIN_POSITIVE) {
        return 0.0f64.copysign(x);
    }
    if rounded.abs() > f64::from(f32::MAX) {
        return f64::INFINITY.copysign(x);
    }
    rounded
}
