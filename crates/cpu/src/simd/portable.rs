//! Blocks as arrays, which LLVM turns into whatever vectors the target guarantees (SSE2 on x86-64).

use super::{Kernel, LANES, Simd};

/// Plain Rust; every processor has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

/// Aligned, so that the compiler may use aligned vector moves.
#[derive(Debug, Clone, Copy)]
#[repr(align(16))]
pub(crate) struct Array([f32; LANES]);

#[inline(always)]
fn each(f: impl Fn(usize) -> f32) -> Array {
    let mut lanes = [0.0; LANES];
    for (lane, value) in lanes.iter_mut().enumerate() {
        *value = f(lane);
    }
    Array(lanes)
}

/// Runs a kernel.
#[inline(never)]
pub(super) fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Portable)
}

impl Simd for Portable {
    type Block = Array;
    type Mask = [bool; LANES];

    // 3 × 1 block of four SSE registers = 12 accumulators of the 16 registers there are.
    const TILE: (usize, usize) = (3, 1);

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        run(kernel)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Array {
        Array([value; LANES])
    }
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Array {
        // SAFETY: the caller gives LANES readable values.
        Array(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, block: Array) {
        // SAFETY: the caller gives room for LANES values.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(block.0) }
    }
    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8) -> Array {
        // SAFETY: the caller gives LANES readable bytes.
        let bytes = unsafe { from.cast::<[u8; LANES]>().read_unaligned() };
        each(|lane| f32::from(bytes[lane]))
    }
    #[inline(always)]
    fn add(self, a: Array, b: Array) -> Array {
        each(|lane| a.0[lane] + b.0[lane])
    }
    #[inline(always)]
    fn sub(self, a: Array, b: Array) -> Array {
        each(|lane| a.0[lane] - b.0[lane])
    }
    #[inline(always)]
    fn mul(self, a: Array, b: Array) -> Array {
        each(|lane| a.0[lane] * b.0[lane])
    }
    #[inline(always)]
    fn div(self, a: Array, b: Array) -> Array {
        each(|lane| a.0[lane] / b.0[lane])
    }
    #[inline(always)]
    fn max(self, a: Array, b: Array) -> Array {
        each(|lane| {
            if a.0[lane] > b.0[lane] {
                a.0[lane]
            } else {
                b.0[lane]
            }
        })
    }
    #[inline(always)]
    fn max_or_nan(self, a: Array, b: Array) -> Array {
        each(|lane| {
            if a.0[lane] > b.0[lane] || a.0[lane].is_nan() {
                a.0[lane]
            } else {
                b.0[lane]
            }
        })
    }
    // Not `f32::mul_add`: without FMA in the target that is a call into libm.
    #[inline(always)]
    fn mul_add(self, a: Array, b: Array, c: Array) -> Array {
        each(|lane| a.0[lane] * b.0[lane] + c.0[lane])
    }
    #[inline(always)]
    fn neg_mul_add(self, a: Array, b: Array, c: Array) -> Array {
        each(|lane| c.0[lane] - a.0[lane] * b.0[lane])
    }
    #[inline(always)]
    fn reciprocal_sqrt_estimate(self, a: Array) -> Array {
        each(|lane| 1.0 / a.0[lane].sqrt())
    }
    #[inline(always)]
    fn reciprocal_estimate(self, a: Array) -> Array {
        each(|lane| 1.0 / a.0[lane])
    }
    // Adding 1.5·2²³ leaves no bits for a fraction; `f32::round_ties_even` is a call without SSE4.1.
    #[inline(always)]
    fn round(self, a: Array) -> Array {
        const SHIFT: f32 = 12_582_912.0;
        each(|lane| (a.0[lane] + SHIFT) - SHIFT)
    }
    #[inline(always)]
    fn power_of_two(self, a: Array) -> Array {
        // Wrapping: lanes that are not used may hold anything.
        each(|lane| f32::from_bits(((a.0[lane] as i32).wrapping_add(127) as u32) << 23))
    }
    #[inline(always)]
    fn greater(self, a: Array, b: Array) -> [bool; LANES] {
        let mut mask = [false; LANES];
        for (lane, value) in mask.iter_mut().enumerate() {
            *value = a.0[lane] > b.0[lane];
        }
        mask
    }
    #[inline(always)]
    fn is_nan(self, a: Array) -> [bool; LANES] {
        a.0.map(f32::is_nan)
    }
    #[inline(always)]
    fn drop(self, mask: [bool; LANES], a: Array) -> Array {
        each(|lane| if mask[lane] { 0.0 } else { a.0[lane] })
    }
    #[inline(always)]
    fn keep(self, mask: [bool; LANES], a: Array) -> Array {
        each(|lane| if mask[lane] { a.0[lane] } else { 0.0 })
    }
    #[inline(always)]
    fn to_array(self, a: Array) -> [f32; LANES] {
        a.0
    }
    // A call: one by one the values take 1,500 instructions wherever a kernel turns blocks over.
    #[inline(never)]
    fn transpose(self, rows: [Array; LANES]) -> [Array; LANES] {
        std::array::from_fn(|column| each(|row| rows[row].0[column]))
    }
}
