//! The instruction sets that kernels are compiled for, and the call through which one is chosen.

use std::fmt;

use super::{Kernel, portable};
#[cfg(target_arch = "x86_64")]
use super::{
    avx2::{self, Avx2},
    avx512::{self, Avx512},
};

/// An instruction set with kernels of its own that this processor has: whoever has a value may run them.
///
/// ```compile_fail
/// let unproven = laptime_cpu::Isa::Avx512;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Isa(Kind);

/// Which one, with the proof that the processor has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// x86-64 with AVX-512 F, BW, DQ and VL, and perhaps with AVX512-BF16.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512<false>, Option<Avx512<true>>),
    /// x86-64 with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
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
            found.extend(Avx512::detect().map(|simd| Kind::Avx512(simd, simd.with_bf16())));
            found.extend(Avx2::detect().map(Kind::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        found.push(Kind::Neon);
        found.push(Kind::Portable);
        found.into_iter().map(Self).collect()
    }

    /// Plain Rust, which every processor can run.
    pub fn portable() -> Self {
        Self(Kind::Portable)
    }

    /// Whether products of bfloat16 have instructions of their own here (AVX512-BF16); else they are
    /// done in single precision on values rounded to bfloat16.
    pub fn has_bf16(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_, bf16) => bf16.is_some(),
            _ => false,
        }
    }

    /// The name in records and in `LAPTIME_ISA`.
    pub fn as_str(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(..) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            Kind::Portable => "portable",
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

/// Does the work with the kernels of `isa`.
#[inline]
pub(crate) fn dispatch<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    match isa.0 {
        // SAFETY: an `Avx512` is only made where the processor was seen to have all of it.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512(simd, _) => unsafe { avx512::run(simd, kernel) },
        // SAFETY: an `Avx2` is only made where the processor was seen to have AVX2 and FMA.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2(simd) => unsafe { avx2::run(simd, kernel) },
        #[cfg(target_arch = "aarch64")]
        Kind::Neon => super::neon::run(kernel),
        Kind::Portable => portable::run(kernel),
    }
}

/// As [`dispatch`], for work on pairs of bfloat16: with the instructions that this processor has for
/// them, which other work need not be compiled for.
#[inline]
pub(crate) fn dispatch_bf16<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    match isa.0 {
        // SAFETY: an `Avx512<true>` is only made where the processor was seen to have AVX512-BF16 too.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512(_, Some(simd)) => unsafe { avx512::run_bf16(simd, kernel) },
        _ => dispatch(isa, kernel),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_available_is_found_by_name_and_nothing_else_is() {
        for isa in Isa::available() {
            assert_eq!(Isa::named(isa.as_str()), Ok(isa));
            assert_eq!(isa.to_string(), isa.as_str());
        }
        assert_eq!(Isa::available().last(), Some(&Isa::portable()));
        for name in ["avx1024", "", "AVX2"] {
            let error = Isa::named(name).unwrap_err();
            assert!(error.contains(&format!("'{name}'")), "{error}");
            assert!(error.contains("portable"), "{error}");
        }
    }

    #[test]
    fn only_avx512_may_multiply_pairs_of_bfloat16() {
        for isa in Isa::available() {
            assert!(!isa.has_bf16() || isa.as_str() == "avx512", "{isa}");
        }
    }

    #[test]
    fn a_proof_costs_no_more_than_a_byte_or_two() {
        assert!(size_of::<Isa>() <= 2);
    }
}
