//! Blocks as one 512-bit register.
// SAFETY (all of this file): the intrinsics need AVX-512 F, BW, DQ and VL, and those behind `BF16`
// AVX512-BF16 too. Whoever has an `Avx512` has that proven, because only `detect` and `with_bf16`
// make one; a function without one is unsafe. Loads and stores are in bounds by the contract of `Simd`.
#![allow(clippy::undocumented_unsafe_blocks)]

use std::arch::x86_64::*;

use super::{Kernel, LANES, Simd};

/// Proof that the processor has AVX-512, and AVX512-BF16 too where `BF16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Avx512<const BF16: bool> {
    _only_from_detect: (),
}

impl Avx512<false> {
    /// The proof, where the processor has AVX-512 F, BW, DQ and VL.
    pub(super) fn detect() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        has_all.then_some(Self {
            _only_from_detect: (),
        })
    }

    /// The proof of more, where the processor has AVX512-BF16 besides.
    pub(super) fn with_bf16(self) -> Option<Avx512<true>> {
        is_x86_feature_detected!("avx512bf16").then_some(Avx512 {
            _only_from_detect: (),
        })
    }
}

/// The bits of each lane, its upper half rounded to the nearest bfloat16; not-a-number stays so.
#[inline(always)]
unsafe fn rounded(a: __m512) -> __m512i {
    unsafe {
        let bits = _mm512_castps_si512(a);
        let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
        let half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
        let quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x0040_0000));
        let is_nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a);
        _mm512_mask_mov_epi32(_mm512_add_epi32(bits, half), is_nan, quiet)
    }
}

#[inline(always)]
unsafe fn upper_halves() -> __m512i {
    unsafe { _mm512_set1_epi32(0xffff_0000_u32 as i32) }
}

/// The words of the lower and of the upper half in turns.
#[inline(always)]
unsafe fn interleaved() -> __m512i {
    const ORDER: [u16; 2 * LANES] = {
        let mut order = [0; 2 * LANES];
        let mut i = 0;
        while i < LANES {
            order[2 * i] = i as u16;
            order[2 * i + 1] = (LANES + i) as u16;
            i += 1;
        }
        order
    };
    unsafe { _mm512_loadu_si512(ORDER.as_ptr().cast()) }
}

impl<const BF16: bool> Avx512<BF16> {
    /// The proof without AVX512-BF16.
    fn without_bf16(self) -> Avx512<false> {
        Avx512 {
            _only_from_detect: (),
        }
    }
}

/// Runs a kernel with the features that `detect` asks for; AVX-512 implies AVX2 and FMA.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
#[inline(never)]
pub(super) fn run<K: Kernel>(simd: Avx512<false>, kernel: K) -> K::Output {
    kernel.run(simd)
}

/// The same with those of `with_bf16`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
#[inline(never)]
pub(super) fn run_bf16<K: Kernel>(simd: Avx512<true>, kernel: K) -> K::Output {
    kernel.run(simd)
}

impl<const BF16: bool> Simd for Avx512<BF16> {
    type Block = __m512;
    type Mask = __mmask16;

    // 8 × 2 = 16 accumulators: enough to hide 4 cycles of latency on two ports.
    const TILE: (usize, usize) = (8, 2);

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: a value of this type is the proof that the processor has these instructions.
        unsafe { run(self.without_bf16(), kernel) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, block: __m512) {
        unsafe { _mm512_storeu_ps(to, block) }
    }
    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8) -> __m512 {
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    fn max_or_nan(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mask_mov_ps(_mm512_max_ps(a, b), self.is_nan(a), a) }
    }
    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn neg_mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn reciprocal_sqrt_estimate(self, a: __m512) -> __m512 {
        unsafe { _mm512_rsqrt14_ps(a) }
    }
    #[inline(always)]
    fn reciprocal_estimate(self, a: __m512) -> __m512 {
        unsafe { _mm512_rcp14_ps(a) }
    }
    #[inline(always)]
    fn round(self, a: __m512) -> __m512 {
        unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
    }
    #[inline(always)]
    fn power_of_two(self, a: __m512) -> __m512 {
        unsafe { _mm512_scalef_ps(_mm512_set1_ps(1.0), a) }
    }
    #[inline(always)]
    fn greater(self, a: __m512, b: __m512) -> __mmask16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b) }
    }
    #[inline(always)]
    fn is_nan(self, a: __m512) -> __mmask16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a) }
    }
    #[inline(always)]
    fn drop(self, mask: __mmask16, a: __m512) -> __m512 {
        unsafe { _mm512_maskz_mov_ps(!mask, a) }
    }
    #[inline(always)]
    fn keep(self, mask: __mmask16, a: __m512) -> __m512 {
        unsafe { _mm512_maskz_mov_ps(mask, a) }
    }
    #[inline(always)]
    fn to_array(self, a: __m512) -> [f32; LANES] {
        let mut lanes = [0.0; LANES];
        unsafe { self.store(lanes.as_mut_ptr(), a) };
        lanes
    }
    #[inline(always)]
    fn sum(self, a: __m512) -> f32 {
        unsafe {
            let halves = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a));
            let quarters = _mm_add_ps(
                _mm256_castps256_ps128(halves),
                _mm256_extractf128_ps::<1>(halves),
            );
            let pair = _mm_add_ps(quarters, _mm_movehl_ps(quarters, quarters));
            _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)))
        }
    }
    #[inline(always)]
    fn largest(self, a: __m512) -> f32 {
        unsafe { _mm512_reduce_max_ps(a) }
    }
    #[inline(always)]
    fn to_bf16(self, a: __m512) -> __m512 {
        unsafe { self.high(_mm512_castsi512_ps(rounded(a))) }
    }
    #[inline(always)]
    fn pair(self, first: __m512, second: __m512) -> __m512 {
        unsafe {
            if BF16 {
                // Behind each other; then words 0, 16, 1, 17, …
                let both = _mm512_cvtne2ps_pbh(second, first);
                let both = std::mem::transmute::<__m512bh, __m512i>(both);
                return _mm512_castsi512_ps(_mm512_permutexvar_epi16(interleaved(), both));
            }
            let low = _mm512_srli_epi32::<16>(rounded(first));
            let high = _mm512_and_si512(rounded(second), upper_halves());
            _mm512_castsi512_ps(_mm512_or_si512(low, high))
        }
    }
    #[inline(always)]
    fn pack(self, first: __m512, second: __m512) -> __m512 {
        unsafe {
            if BF16 {
                let both = _mm512_cvtne2ps_pbh(second, first);
                return std::mem::transmute::<__m512bh, __m512>(both);
            }
            let half = |a| _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(rounded(a)));
            let low = _mm512_castsi256_si512(half(first));
            _mm512_castsi512_ps(_mm512_inserti64x4::<1>(low, half(second)))
        }
    }
    #[inline(always)]
    fn low(self, pairs: __m512) -> __m512 {
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_castps_si512(pairs))) }
    }
    #[inline(always)]
    fn high(self, pairs: __m512) -> __m512 {
        unsafe { _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(pairs), upper_halves())) }
    }
    #[inline(always)]
    fn dot_pairs(self, a: __m512, b: __m512, sum: __m512) -> __m512 {
        if BF16 {
            unsafe {
                let a = std::mem::transmute::<__m512, __m512bh>(a);
                let b = std::mem::transmute::<__m512, __m512bh>(b);
                return _mm512_dpbf16_ps(sum, a, b);
            }
        }
        let sum = self.mul_add(self.low(a), self.low(b), sum);
        self.mul_add(self.high(a), self.high(b), sum)
    }
    // Four rounds of exchanging halves, 64 shuffles: pairs of lanes, of pairs, of quarters.
    #[inline(always)]
    fn transpose(self, rows: [__m512; LANES]) -> [__m512; LANES] {
        unsafe {
            let mut a = rows;
            for i in 0..8 {
                a[2 * i] = _mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
                a[2 * i + 1] = _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
            }
            let mut b = a;
            for i in 0..4 {
                let pd = |j: usize| _mm512_castps_pd(a[4 * i + j]);
                b[4 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(pd(0), pd(2)));
                b[4 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(pd(0), pd(2)));
                b[4 * i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(pd(1), pd(3)));
                b[4 * i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(pd(1), pd(3)));
            }
            // b[4·i + j]: quarter q holds rows 4·i.. of column 4·q + j.
            let mut c = b;
            for j in 0..4 {
                c[j] = _mm512_shuffle_f32x4::<0x88>(b[j], b[4 + j]);
                c[4 + j] = _mm512_shuffle_f32x4::<0xdd>(b[j], b[4 + j]);
                c[8 + j] = _mm512_shuffle_f32x4::<0x88>(b[8 + j], b[12 + j]);
                c[12 + j] = _mm512_shuffle_f32x4::<0xdd>(b[8 + j], b[12 + j]);
            }
            let mut d = c;
            for j in 0..4 {
                d[j] = _mm512_shuffle_f32x4::<0x88>(c[j], c[8 + j]);
                d[8 + j] = _mm512_shuffle_f32x4::<0xdd>(c[j], c[8 + j]);
                d[4 + j] = _mm512_shuffle_f32x4::<0x88>(c[4 + j], c[12 + j]);
                d[12 + j] = _mm512_shuffle_f32x4::<0xdd>(c[4 + j], c[12 + j]);
            }
            d
        }
    }
}
