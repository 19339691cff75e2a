//! The instruction sets that kernels are compiled for, and the call through which one is chosen.

use std::fmt;

use super::{Simd, portable::Portable};

/// An instruction set with kernels of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isa {
    /// x86-64 with AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// x86-64 with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 64-bit ARM, which always has NEON.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// Plain Rust, vectorised by the compiler for the least that the target guarantees.
    Portable,
}

impl Isa {
    /// Those that this processor can run, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            found.extend(has_avx512.then_some(Self::Avx512));
            found.extend(has_avx2.then_some(Self::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        found.push(Self::Neon);
        found.push(Self::Portable);
        found
    }

    /// Whether products of bfloat16 have instructions of their own here (AVX512-BF16); else they are
    /// done in single precision on values rounded to bfloat16.
    pub fn has_bf16(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512bf16"),
            _ => false,
        }
    }

    /// The name in records and in `LAPTIME_ISA`.
    pub fn as_str(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "neon",
            Self::Portable => "portable",
        }
    }

    /// The one that `LAPTIME_ISA` asks for, or else the fastest.
    ///
    /// # Errors
    /// One message for the user where this processor has no such instruction set.
    pub fn chosen() -> Result<Self, String> {
        match std::env::var("LAPTIME_ISA") {
            Ok(name) if !name.is_empty() => {
                Self::named(&name).map_err(|what| format!("LAPTIME_ISA {what}"))
            }
            _ => Ok(Self::available()[0]),
        }
    }

    /// The one of this name.
    ///
    /// # Errors
    /// What the name is and which ones there are, where this processor has none such.
    pub fn named(name: &str) -> Result<Self, String> {
        let available = Self::available();
        available
            .iter()
            .copied()
            .find(|isa| isa.as_str() == name)
            .ok_or_else(|| {
                let names: Vec<&str> = available.iter().map(|isa| isa.as_str()).collect();
                format!(
                    "is '{name}', which this processor does not have; it has {}",
                    names.join(", ")
                )
            })
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Work that is compiled once for each instruction set. `run` must be `#[inline(always)]`, and
/// all that it calls with `S` too: only what is inlined into the functions below is compiled
/// with their instruction set.
pub(crate) trait Kernel {
    /// What the work gives.
    type Output;
    /// Does the work.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Does the work with the kernels of `isa`, which must come from [`Isa::available`].
#[inline]
pub(crate) fn dispatch<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    match isa {
        // SAFETY: an `Isa` other than `Portable` is only made where the processor was seen to
        // have it.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { run_avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { run_avx2(kernel) },
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => kernel.run(super::neon::Neon),
        Isa::Portable => kernel.run(Portable),
    }
}

/// As [`dispatch`], for work on pairs of bfloat16: with the instructions that this processor has for
/// them, which other work need not be compiled for.
#[inline]
pub(crate) fn dispatch_bf16<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    match isa {
        // SAFETY: the processor was seen to have it.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 if isa.has_bf16() => unsafe { run_avx512_bf16(kernel) },
        isa => dispatch(isa, kernel),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
unsafe fn run_avx512_bf16<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(super::avx512::Avx512::<true>)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(super::avx512::Avx512::<false>)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(super::avx2::Avx2)
}
