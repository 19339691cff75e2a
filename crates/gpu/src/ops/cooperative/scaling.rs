//! Powers of two between bfloat16's range and that of 16-bit floats (f16).
//!
//! bfloat16 has 8 significant bits and the exponents of single precision, f16 has 11 bits and magnitudes from 2⁻²⁴ to
//! 2¹⁶. So each operand is scaled by a power of two, such that the largest magnitude that a workgroup has met of it lies
//! in [2¹⁵, 2¹⁶). Where a later piece of the sum has a larger one, the sums so far are scaled down.
//!
//! What that costs: of an operand's values within 2⁻³² of the largest that the workgroup has met every bit is kept, as
//! f16 has the multiples of 2⁻²⁴ and such a value's last bit is no less: 2¹⁵ · 2⁻³² · 2⁻⁷. A smaller one is off by 2⁻²⁴
//! at most, which is 2⁻³⁹ of the largest (where a matrix unit takes subnormal numbers for 0, by 2⁻¹⁴, which is 2⁻²⁹).
//! So a term of the sum is off by 2⁻³⁸ of the largest of A times the largest of B, and single precision rounds a sum of
//! that size by 2⁻²⁴. Sums of 2³² · k stay finite. What is not finite has no part in the scale and stays so in f16.

/// The power of a value is 1 more than its exponent's bits, or 0 where it is not finite.
pub(super) const TEXT: &str = "\
fn power_of(v: vec2<f32>) -> u32 {
    let bits = (bitcast<vec2<u32>>(v) << vec2<u32>(1u)) + vec2<u32>(0x01000000u);
    return max(bits.x, bits.y);
}
// 2^15 over the largest of this power. No power is below 17, so that neither this nor its inverse is too small or large.
fn scale_of(power: vec2<u32>) -> vec2<f32> {
    return bitcast<vec2<f32>>((vec2<u32>(270u) - power) << vec2<u32>(23u));
}
fn power_of_two(exponent: i32) -> f32 { return bitcast<f32>(u32(127 + exponent) << 23u); }
";

#[cfg(test)]
mod tests {
    /// [`super::TEXT`], of one value.
    fn power_of(v: f32) -> u32 {
        (v.to_bits() << 1).wrapping_add(0x0100_0000) >> 24
    }

    fn scale_of(power: u32) -> f32 {
        f32::from_bits((270 - power) << 23)
    }

    fn power_of_two(exponent: i32) -> f32 {
        f32::from_bits(((127 + exponent) as u32) << 23)
    }

    /// The nearest 16-bit float.
    fn to_f16(v: f32) -> f64 {
        let v = f64::from(v);
        let exponent = ((v.to_bits() >> 52) & 2047) as i32 - 1023;
        let last_bit = f64::from(2.0_f32).powi(exponent.max(-14) - 10);
        let near = (v / last_bit).round_ties_even() * last_bit;
        match near.abs() > 65504.0 {
            true => f64::INFINITY.copysign(v),
            false => near,
        }
    }

    /// Random bfloat16 values with the exponents' bits from `first` on, now and then 0 or what is not finite.
    fn values(seed: u64, first: u32, count: u32) -> Vec<f32> {
        let mut state = seed | 1;
        let mut random = |below: u32| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            ((state >> 33) % u64::from(below)) as u32
        };
        let mut value = || match random(20) {
            0 => 0.0,
            1 => [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][random(3) as usize],
            _ => {
                let exponent = (first + random(count)).min(254);
                f32::from_bits(random(2) << 31 | exponent << 23 | random(128) << 16)
            }
        };
        (0..200).map(|_| value()).collect()
    }

    #[test]
    fn scaled_values_keep_to_their_bound() {
        for first in 0..255 {
            for count in [1, 5, 33, 60, 255] {
                let values = values(u64::from(first * 1000 + count), first, count);
                let finite = || values.iter().filter(|v| v.is_finite());
                let largest = finite().fold(0.0_f64, |a, v| a.max(f64::from(v.abs())));
                let power = values.iter().map(|v| power_of(*v)).fold(17, u32::max);
                let scale = scale_of(power);
                for v in &values {
                    let scaled = v * scale;
                    if !v.is_finite() {
                        assert!(!scaled.is_finite() && power_of(*v) == 0);
                        continue;
                    }
                    let back = to_f16(scaled) / f64::from(scale);
                    let off = (back - f64::from(*v)).abs();
                    let is_near = f64::from(v.abs()) >= largest * 2_f64.powi(-32);
                    assert!(off == 0.0 || !is_near, "{v:e} of {largest:e}: {back:e}");
                    assert!(off <= largest * 2_f64.powi(-39), "{v:e} of {largest:e}");
                }
            }
        }
    }

    #[test]
    fn sums_are_scaled_back_in_halves_that_are_normal_numbers() {
        for a in 17..=255 {
            for b in 17..=255 {
                let up = (a + b) as i32 - 286;
                let halves = [up >> 1, up - (up >> 1)].map(power_of_two);
                assert!(halves.iter().all(|half| half.is_normal()));
                let [first, second] = halves.map(f64::from);
                let scales = f64::from(scale_of(a)) * f64::from(scale_of(b));
                assert_eq!(first * second * scales, 1.0);
            }
        }
    }
}
