//! Sixteen floats at a time, on whatever the processor has.
//!
//! All kernels are written once, for blocks of [`LANES`] floats: one register of AVX-512, two of
//! AVX2, four of NEON or SSE2. So layouts and slices are the same on every processor, and one
//! instruction set can be tested in the place of another.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod isa;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

pub use isa::Isa;
pub(crate) use isa::{dispatch, dispatch_bf16};

/// Floats in a block.
pub const LANES: usize = 16;

/// Work that is compiled once for each instruction set. `run` must be `#[inline(always)]`, and
/// all that it calls with `S` too: only what is inlined into the `run` of an instruction set is compiled
/// with it; that is not inlined itself, so each kernel is there once for each.
pub(crate) trait Kernel {
    /// What the work gives.
    type Output;
    /// Does the work.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// The operations on blocks that kernels are made of. A value of the implementing type is proof
/// that the processor has the instruction set: its own file alone can make one, where it has seen so,
/// and an [`Isa`] keeps it for [`dispatch`].
///
/// # Safety
/// Loads and stores touch [`LANES`] values from the pointer; it needs no alignment.
pub(crate) trait Simd: Copy {
    /// A block.
    type Block: Copy;
    /// A block of truth values.
    type Mask: Copy;

    /// The rows of the largest product tile that stays in registers, and its blocks a row.
    const TILE: (usize, usize);

    /// Does work in a function of its own, which kernels share.
    fn call<K: Kernel>(self, kernel: K) -> K::Output;

    /// Asks for the cache line of this address, which need not be valid.
    #[inline(always)]
    fn prefetch(self, at: *const f32) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 processor has SSE; a prefetch reads nothing that can be seen.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(at.cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = at;
    }

    fn splat(self, value: f32) -> Self::Block;
    unsafe fn load(self, from: *const f32) -> Self::Block;
    unsafe fn store(self, to: *mut f32, block: Self::Block);
    /// Sixteen bytes as floats.
    unsafe fn load_bytes(self, from: *const u8) -> Self::Block;
    fn add(self, a: Self::Block, b: Self::Block) -> Self::Block;
    fn sub(self, a: Self::Block, b: Self::Block) -> Self::Block;
    fn mul(self, a: Self::Block, b: Self::Block) -> Self::Block;
    fn div(self, a: Self::Block, b: Self::Block) -> Self::Block;
    /// The larger; not-a-number where `b` is. Where only `a` is, it may be either: what must not get
    /// lost is the second operand, as x in ReLU's `max(0, x)`, or both are [`Self::max_or_nan`]'s.
    fn max(self, a: Self::Block, b: Self::Block) -> Self::Block;
    /// The larger; not-a-number where either is.
    fn max_or_nan(self, a: Self::Block, b: Self::Block) -> Self::Block;
    /// `a·b + c`, fused where the instruction set can.
    fn mul_add(self, a: Self::Block, b: Self::Block, c: Self::Block) -> Self::Block;
    /// `c − a·b`, fused where the instruction set can.
    fn neg_mul_add(self, a: Self::Block, b: Self::Block, c: Self::Block) -> Self::Block;
    /// `1/√a` for normal a > 0, to within 2⁻¹¹ of it: one step of Newton's iteration makes it good.
    fn reciprocal_sqrt_estimate(self, a: Self::Block) -> Self::Block;
    /// `1/a` for normal a > 0, to within 2⁻¹¹ of it, likewise.
    fn reciprocal_estimate(self, a: Self::Block) -> Self::Block;
    /// The nearest whole numbers, for |a| < 2²².
    fn round(self, a: Self::Block) -> Self::Block;
    /// `2ᵃ` for whole a in −126..=127.
    fn power_of_two(self, a: Self::Block) -> Self::Block;
    /// Where a > b, which not-a-number never is.
    fn greater(self, a: Self::Block, b: Self::Block) -> Self::Mask;
    fn is_nan(self, a: Self::Block) -> Self::Mask;
    /// `a` where the mask is true, else 0, whatever `a` is there.
    fn keep(self, mask: Self::Mask, a: Self::Block) -> Self::Block;
    /// `a` where the mask is false, else 0, whatever `a` is there.
    fn drop(self, mask: Self::Mask, a: Self::Block) -> Self::Block;
    /// The lanes as an array, lane 0 first.
    fn to_array(self, a: Self::Block) -> [f32; LANES];

    /// Lane j of block i becomes lane i of block j.
    fn transpose(self, rows: [Self::Block; LANES]) -> [Self::Block; LANES] {
        let rows = rows.map(|row| self.to_array(row));
        std::array::from_fn(|column| {
            let lanes: [f32; LANES] = std::array::from_fn(|row| rows[row][column]);
            // SAFETY: the array has LANES values.
            unsafe { self.load(lanes.as_ptr()) }
        })
    }

    /// Each lane rounded to the nearest bfloat16, of two as near to the even one.
    #[inline(always)]
    fn to_bf16(self, a: Self::Block) -> Self::Block {
        let lanes = self.to_array(a).map(round_to_bf16);
        // SAFETY: the array has LANES values.
        unsafe { self.load(lanes.as_ptr()) }
    }

    /// Lane i becomes the pair of bfloat16 of lanes i of both, the first one's in the lower half. Such a
    /// block is only loaded, stored, kept and transposed, besides what is below.
    #[inline(always)]
    fn pair(self, first: Self::Block, second: Self::Block) -> Self::Block {
        let (first, second) = (self.to_array(first), self.to_array(second));
        let lanes: [f32; LANES] = std::array::from_fn(|i| pair_of(first[i], second[i]));
        // SAFETY: the array has LANES values.
        unsafe { self.load(lanes.as_ptr()) }
    }

    /// Lane i becomes the pair of bfloat16 of lanes 2i and 2i + 1 of both blocks, one behind the other.
    #[inline(always)]
    fn pack(self, first: Self::Block, second: Self::Block) -> Self::Block {
        let both = [self.to_array(first), self.to_array(second)];
        let lane = |i: usize| both[i / LANES][i % LANES];
        let lanes: [f32; LANES] = std::array::from_fn(|i| pair_of(lane(2 * i), lane(2 * i + 1)));
        // SAFETY: the array has LANES values.
        unsafe { self.load(lanes.as_ptr()) }
    }

    /// The first of each pair.
    #[inline(always)]
    fn low(self, pairs: Self::Block) -> Self::Block {
        let lanes = self.to_array(pairs);
        let lanes = lanes.map(|pair| f32::from_bits(pair.to_bits() << 16));
        // SAFETY: the array has LANES values.
        unsafe { self.load(lanes.as_ptr()) }
    }

    /// The second of each pair.
    #[inline(always)]
    fn high(self, pairs: Self::Block) -> Self::Block {
        let lanes = self.to_array(pairs);
        let lanes = lanes.map(|pair| f32::from_bits(pair.to_bits() & 0xffff_0000));
        // SAFETY: the array has LANES values.
        unsafe { self.load(lanes.as_ptr()) }
    }

    /// `sum + a₀·b₀ + a₁·b₁` of the pairs in `a` and `b`, in single precision: by one instruction
    /// where there is one, which may round otherwise and flushes subnormal numbers to zero.
    #[inline(always)]
    fn dot_pairs(self, a: Self::Block, b: Self::Block, sum: Self::Block) -> Self::Block {
        let sum = self.mul_add(self.low(a), self.low(b), sum);
        self.mul_add(self.high(a), self.high(b), sum)
    }

    /// The first `count` lanes' mask, `count` ≤ [`LANES`].
    fn first(self, count: usize) -> Self::Mask {
        let lanes: [f32; LANES] = std::array::from_fn(|lane| lane as f32);
        // SAFETY: the array has LANES values.
        let lanes = unsafe { self.load(lanes.as_ptr()) };
        self.greater(self.splat(count as f32), lanes)
    }

    /// The sum of the lanes, pairwise: (lane + lane 8 away), then 4, 2, 1.
    fn sum(self, a: Self::Block) -> f32 {
        reduce(self.to_array(a), |a, b| a + b)
    }

    /// The largest lane of those that are numbers, or anything where some are not.
    fn largest(self, a: Self::Block) -> f32 {
        reduce(self.to_array(a), f32::max)
    }
}

/// The nearest bfloat16, of two as near the even one, by integer arithmetic; not-a-number stays so.
#[inline(always)]
fn round_to_bf16(value: f32) -> f32 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) & 0xffff_0000;
    if value.is_nan() {
        // One that stays one in its upper half.
        f32::from_bits(bits | 0x0040_0000)
    } else {
        f32::from_bits(rounded)
    }
}

/// Two values as a pair of bfloat16, the first in the lower half.
#[inline(always)]
fn pair_of(first: f32, second: f32) -> f32 {
    let [first, second] = [first, second].map(|value| round_to_bf16(value).to_bits());
    f32::from_bits(second & 0xffff_0000 | first >> 16)
}

fn reduce(mut lanes: [f32; LANES], combine: impl Fn(f32, f32) -> f32) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] = combine(lanes[lane], lanes[lane + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// `eᵃ` to within 2 units in the last place, for a ≤ 88; below −87 it is about 10⁻³⁸. Not-a-number
/// stays so.
///
/// Cephes' `expf` (S. Moshier): reduce by n·ln 2 in two parts, a polynomial of degree 5 on
/// ±ln 2/2, scale by 2ⁿ.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, a: S::Block) -> S::Block {
    // In this order: see `Simd::max`.
    let a = s.max(s.splat(-87.0), a);
    let n = s.round(s.mul(a, s.splat(std::f32::consts::LOG2_E)));
    let r = s.neg_mul_add(n, s.splat(0.693_359_4), a);
    let r = s.neg_mul_add(n, s.splat(-2.121_944_4e-4), r);
    let mut p = s.splat(1.987_569_1e-4);
    for coefficient in [
        1.398_2e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        p = s.mul_add(p, r, s.splat(coefficient));
    }
    let p = s.add(s.mul_add(s.mul(p, r), r, r), s.splat(1.0));
    s.mul(p, s.power_of_two(n))
}

#[cfg(test)]
mod tests;
