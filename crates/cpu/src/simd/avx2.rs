//! Blocks as two 256-bit registers.
// SAFETY (all of this file): the intrinsics need AVX2 and FMA. Whoever has an `Avx2` has that proven,
// because only `detect` makes one; a function without one is unsafe. Loads and stores are in bounds by the contract of `Simd`.
#![allow(clippy::undocumented_unsafe_blocks)]

use std::arch::x86_64::*;

use super::{Kernel, LANES, Simd};

/// Proof that the processor has AVX2 and FMA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Avx2 {
    _only_from_detect: (),
}

impl Avx2 {
    /// The proof, where the processor has both.
    pub(super) fn detect() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        has_all.then_some(Self {
            _only_from_detect: (),
        })
    }
}

type Pair = [__m256; 2];

#[inline(always)]
fn both(f: impl Fn(usize) -> __m256) -> Pair {
    [f(0), f(1)]
}

/// Runs a kernel with the features that `detect` asks for.
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
pub(super) fn run<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
    kernel.run(simd)
}

impl Simd for Avx2 {
    type Block = Pair;
    type Mask = Pair;

    // 6 × 1 block of two registers = 12 accumulators of the 16 registers there are.
    const TILE: (usize, usize) = (6, 1);

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: a value of this type is the proof that the processor has these instructions.
        unsafe { run(self, kernel) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Pair {
        let half = unsafe { _mm256_set1_ps(value) };
        [half, half]
    }
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Pair {
        both(|i| unsafe { _mm256_loadu_ps(from.add(8 * i)) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, block: Pair) {
        unsafe {
            _mm256_storeu_ps(to, block[0]);
            _mm256_storeu_ps(to.add(8), block[1]);
        }
    }
    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8) -> Pair {
        both(|i| unsafe {
            _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(
                from.add(8 * i).cast(),
            )))
        })
    }
    #[inline(always)]
    fn add(self, a: Pair, b: Pair) -> Pair {
        both(|i| unsafe { _mm256_add_ps(a[i], b[i]) })
    }
    #[inline(always)]
    fn sub(self, a: Pair, b: Pair) -> Pair {
        both(|i| unsafe { _mm256_sub_ps(a[i], b[i]) })
    }
    #[inline(always)]
    fn mul(self, a: Pair, b: Pair) -> Pair {
        both(|i| unsafe { _mm256_mul_ps(a[i], b[i]) })
    }
    #[inline(always)]
    fn div(self, a: Pair, b: Pair) -> Pair {
        both(|i| unsafe { _mm256_div_ps(a[i], b[i]) })
    }
    #[inline(always)]
    fn max(self, a: Pair, b: Pair) -> Pair {
        both(|i| unsafe { _mm256_max_ps(a[i], b[i]) })
    }
    // All bits set are not-a-number, and so is anything with the exponent's and one more set.
    #[inline(always)]
    fn max_or_nan(self, a: Pair, b: Pair) -> Pair {
        both(|i| unsafe {
            let is_nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(a[i], a[i]);
            _mm256_or_ps(_mm256_max_ps(a[i], b[i]), is_nan)
        })
    }
    #[inline(always)]
    fn mul_add(self, a: Pair, b: Pair, c: Pair) -> Pair {
        both(|i| unsafe { _mm256_fmadd_ps(a[i], b[i], c[i]) })
    }
    #[inline(always)]
    fn neg_mul_add(self, a: Pair, b: Pair, c: Pair) -> Pair {
        both(|i| unsafe { _mm256_fnmadd_ps(a[i], b[i], c[i]) })
    }
    #[inline(always)]
    fn reciprocal_sqrt_estimate(self, a: Pair) -> Pair {
        both(|i| unsafe { _mm256_rsqrt_ps(a[i]) })
    }
    #[inline(always)]
    fn reciprocal_estimate(self, a: Pair) -> Pair {
        both(|i| unsafe { _mm256_rcp_ps(a[i]) })
    }
    #[inline(always)]
    fn round(self, a: Pair) -> Pair {
        both(|i| unsafe {
            _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a[i])
        })
    }
    #[inline(always)]
    fn power_of_two(self, a: Pair) -> Pair {
        both(|i| unsafe {
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(a[i]), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
        })
    }
    #[inline(always)]
    fn greater(self, a: Pair, b: Pair) -> Pair {
        both(|i| unsafe { _mm256_cmp_ps::<_CMP_GT_OQ>(a[i], b[i]) })
    }
    #[inline(always)]
    fn is_nan(self, a: Pair) -> Pair {
        both(|i| unsafe { _mm256_cmp_ps::<_CMP_UNORD_Q>(a[i], a[i]) })
    }
    #[inline(always)]
    fn drop(self, mask: Pair, a: Pair) -> Pair {
        both(|i| unsafe { _mm256_andnot_ps(mask[i], a[i]) })
    }
    #[inline(always)]
    fn keep(self, mask: Pair, a: Pair) -> Pair {
        both(|i| unsafe { _mm256_and_ps(mask[i], a[i]) })
    }
    #[inline(always)]
    fn to_array(self, a: Pair) -> [f32; LANES] {
        let mut lanes = [0.0; LANES];
        unsafe { self.store(lanes.as_mut_ptr(), a) };
        lanes
    }
    // Four quarters of 8×8, each turned by three rounds of exchanging halves.
    #[inline(always)]
    fn transpose(self, rows: [Pair; LANES]) -> [Pair; LANES] {
        let mut columns = rows;
        for (row_half, column_half) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let mut quarter = [rows[0][0]; 8];
            for (i, part) in quarter.iter_mut().enumerate() {
                *part = rows[8 * row_half + i][column_half];
            }
            let turned = unsafe { transpose8(quarter) };
            for (i, part) in turned.into_iter().enumerate() {
                columns[8 * column_half + i][row_half] = part;
            }
        }
        columns
    }
}

#[inline(always)]
unsafe fn transpose8(rows: [__m256; 8]) -> [__m256; 8] {
    unsafe {
        let mut a = rows;
        for i in 0..4 {
            a[2 * i] = _mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
            a[2 * i + 1] = _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
        }
        let mut b = a;
        for i in 0..2 {
            b[4 * i] = _mm256_shuffle_ps::<0x44>(a[4 * i], a[4 * i + 2]);
            b[4 * i + 1] = _mm256_shuffle_ps::<0xee>(a[4 * i], a[4 * i + 2]);
            b[4 * i + 2] = _mm256_shuffle_ps::<0x44>(a[4 * i + 1], a[4 * i + 3]);
            b[4 * i + 3] = _mm256_shuffle_ps::<0xee>(a[4 * i + 1], a[4 * i + 3]);
        }
        let mut c = b;
        for j in 0..4 {
            c[j] = _mm256_permute2f128_ps::<0x20>(b[j], b[4 + j]);
            c[4 + j] = _mm256_permute2f128_ps::<0x31>(b[j], b[4 + j]);
        }
        c
    }
}
