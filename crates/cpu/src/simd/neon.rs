//! Blocks as four 128-bit registers.
// SAFETY (all of this file): every aarch64 processor that Rust runs on has NEON; loads and stores are
// in bounds by the contract of `Simd`.
#![allow(clippy::undocumented_unsafe_blocks)]

use std::arch::aarch64::*;

use super::{Kernel, LANES, Simd};

/// NEON, which every 64-bit ARM has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neon;

type Four = [float32x4_t; 4];

#[inline(always)]
fn each(f: impl Fn(usize) -> float32x4_t) -> Four {
    [f(0), f(1), f(2), f(3)]
}

/// Runs a kernel.
#[inline(never)]
pub(super) fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Neon)
}

impl Simd for Neon {
    type Block = Four;
    type Mask = [uint32x4_t; 4];

    // 6 × 1 block of four registers = 24 accumulators of the 32 registers there are.
    const TILE: (usize, usize) = (6, 1);

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        run(kernel)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Four {
        [unsafe { vdupq_n_f32(value) }; 4]
    }
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Four {
        each(|i| unsafe { vld1q_f32(from.add(4 * i)) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, block: Four) {
        for (i, part) in block.into_iter().enumerate() {
            unsafe { vst1q_f32(to.add(4 * i), part) }
        }
    }
    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8) -> Four {
        unsafe {
            let bytes = vld1q_u8(from);
            let low = vmovl_u8(vget_low_u8(bytes));
            let high = vmovl_u8(vget_high_u8(bytes));
            [
                vcvtq_f32_u32(vmovl_u16(vget_low_u16(low))),
                vcvtq_f32_u32(vmovl_u16(vget_high_u16(low))),
                vcvtq_f32_u32(vmovl_u16(vget_low_u16(high))),
                vcvtq_f32_u32(vmovl_u16(vget_high_u16(high))),
            ]
        }
    }
    #[inline(always)]
    fn add(self, a: Four, b: Four) -> Four {
        each(|i| unsafe { vaddq_f32(a[i], b[i]) })
    }
    #[inline(always)]
    fn sub(self, a: Four, b: Four) -> Four {
        each(|i| unsafe { vsubq_f32(a[i], b[i]) })
    }
    #[inline(always)]
    fn mul(self, a: Four, b: Four) -> Four {
        each(|i| unsafe { vmulq_f32(a[i], b[i]) })
    }
    #[inline(always)]
    fn div(self, a: Four, b: Four) -> Four {
        each(|i| unsafe { vdivq_f32(a[i], b[i]) })
    }
    #[inline(always)]
    fn max(self, a: Four, b: Four) -> Four {
        each(|i| unsafe { vmaxq_f32(a[i], b[i]) })
    }
    // NEON's maximum is not-a-number where either operand is.
    #[inline(always)]
    fn max_or_nan(self, a: Four, b: Four) -> Four {
        self.max(a, b)
    }
    #[inline(always)]
    fn mul_add(self, a: Four, b: Four, c: Four) -> Four {
        each(|i| unsafe { vfmaq_f32(c[i], a[i], b[i]) })
    }
    #[inline(always)]
    fn neg_mul_add(self, a: Four, b: Four, c: Four) -> Four {
        each(|i| unsafe { vfmsq_f32(c[i], a[i], b[i]) })
    }
    // 8 bits, doubled by a step of Newton's iteration.
    #[inline(always)]
    fn reciprocal_sqrt_estimate(self, a: Four) -> Four {
        each(|i| unsafe {
            let r = vrsqrteq_f32(a[i]);
            vmulq_f32(r, vrsqrtsq_f32(vmulq_f32(a[i], r), r))
        })
    }
    #[inline(always)]
    fn reciprocal_estimate(self, a: Four) -> Four {
        each(|i| unsafe {
            let r = vrecpeq_f32(a[i]);
            vmulq_f32(r, vrecpsq_f32(a[i], r))
        })
    }
    #[inline(always)]
    fn round(self, a: Four) -> Four {
        each(|i| unsafe { vrndnq_f32(a[i]) })
    }
    #[inline(always)]
    fn power_of_two(self, a: Four) -> Four {
        each(|i| unsafe {
            let exponent = vaddq_s32(vcvtq_s32_f32(a[i]), vdupq_n_s32(127));
            vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent))
        })
    }
    #[inline(always)]
    fn greater(self, a: Four, b: Four) -> [uint32x4_t; 4] {
        [0, 1, 2, 3].map(|i| unsafe { vcgtq_f32(a[i], b[i]) })
    }
    #[inline(always)]
    fn is_nan(self, a: Four) -> [uint32x4_t; 4] {
        [0, 1, 2, 3].map(|i| unsafe { vmvnq_u32(vceqq_f32(a[i], a[i])) })
    }
    #[inline(always)]
    fn drop(self, mask: [uint32x4_t; 4], a: Four) -> Four {
        each(|i| unsafe { vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(a[i]), mask[i])) })
    }
    #[inline(always)]
    fn keep(self, mask: [uint32x4_t; 4], a: Four) -> Four {
        each(|i| unsafe { vreinterpretq_f32_u32(vandq_u32(mask[i], vreinterpretq_u32_f32(a[i]))) })
    }
    #[inline(always)]
    fn to_array(self, a: Four) -> [f32; LANES] {
        let mut lanes = [0.0; LANES];
        unsafe { self.store(lanes.as_mut_ptr(), a) };
        lanes
    }
    // Sixteen blocks of 4 × 4.
    #[inline(always)]
    fn transpose(self, rows: [Four; LANES]) -> [Four; LANES] {
        let mut columns = rows;
        for row in 0..4 {
            for column in 0..4 {
                let turned = transpose4([0, 1, 2, 3].map(|i| rows[4 * row + i][column]));
                for (i, part) in turned.into_iter().enumerate() {
                    columns[4 * column + i][row] = part;
                }
            }
        }
        columns
    }
}

#[inline(always)]
fn transpose4([a, b, c, d]: [float32x4_t; 4]) -> [float32x4_t; 4] {
    unsafe {
        // Columns 0 and 2 of two rows, and columns 1 and 3, as pairs.
        let even = |a, b| vreinterpretq_f64_f32(vtrn1q_f32(a, b));
        let odd = |a, b| vreinterpretq_f64_f32(vtrn2q_f32(a, b));
        [
            vtrn1q_f64(even(a, b), even(c, d)),
            vtrn1q_f64(odd(a, b), odd(c, d)),
            vtrn2q_f64(even(a, b), even(c, d)),
            vtrn2q_f64(odd(a, b), odd(c, d)),
        ]
        .map(|column| vreinterpretq_f32_f64(column))
    }
}
