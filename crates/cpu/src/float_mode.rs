//! Numbers too small to be normal count as 0 while kernels run.
//!
//! Gradients of dead pixels decay through Adam's moments into subnormal numbers, on which x86
//! processors are a hundred times slower. They are below 10⁻³⁸; no result that anyone can see
//! depends on them. TensorFlow and JAX flush them on the CPU too.
//!
//! Rust takes the default mode for granted and has no way to ask for another: its reference leaves open
//! what arithmetic does in one. What the compiler could do of it is to compute while compiling, or on
//! the other side of the switch, and not to flush what comes out. The work is a function of its own that
//! is not inlined, so that nothing of it crosses the switch; what is computed while compiling has
//! no subnormal numbers in it; and no address, index or length in this crate depends on a float.

#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
use std::arch::asm;

/// Does the work with this thread's arithmetic flushing subnormal numbers to 0, and goes back to the mode
/// before, however the work ends.
pub(crate) fn flushing_to_zero<R>(work: impl FnOnce() -> R) -> R {
    struct Back(u64);
    impl Drop for Back {
        fn drop(&mut self) {
            write(self.0);
        }
    }

    let back = Back(read());
    write(back.0 | FLUSH);
    apart(work)
}

#[inline(never)]
fn apart<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// MXCSR: flush results to zero (bit 15), take subnormal operands as zero (bit 6).
#[cfg(all(target_arch = "x86_64", not(miri)))]
const FLUSH: u64 = 1 << 15 | 1 << 6;

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn read() -> u64 {
    let mut mode = 0u32;
    // SAFETY: every x86-64 processor has SSE; the instruction writes four bytes to `mode`.
    unsafe { asm!("stmxcsr [{}]", in(reg) &mut mode, options(nostack, preserves_flags)) }
    u64::from(mode)
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn write(mode: u64) {
    let mode = mode as u32;
    // SAFETY: as above; only the two bits of `FLUSH` ever differ from the mode that the thread had, and
    // what that does to the code in between is said at the top.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &mode, options(nostack, preserves_flags)) }
}

/// FPCR: flush to zero (bit 24).
#[cfg(all(target_arch = "aarch64", not(miri)))]
const FLUSH: u64 = 1 << 24;

#[cfg(all(target_arch = "aarch64", not(miri)))]
fn read() -> u64 {
    let mode;
    // SAFETY: reading FPCR is allowed at every privilege level.
    unsafe { asm!("mrs {}, fpcr", out(reg) mode, options(nostack, preserves_flags)) }
    mode
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
fn write(mode: u64) {
    // SAFETY: only the bit of `FLUSH` ever differs from the mode that the thread had, and what that does
    // to the code in between is said at the top.
    unsafe { asm!("msr fpcr, {}", in(reg) mode, options(nostack, preserves_flags)) }
}

// Elsewhere subnormal numbers stay.
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
const FLUSH: u64 = 0;

#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn read() -> u64 {
    0
}

#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn write(_: u64) {}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
mod tests {
    use std::{hint::black_box, panic::catch_unwind};

    use super::*;

    fn half_of_the_smallest_normal() -> f32 {
        black_box(f32::MIN_POSITIVE) * black_box(0.5)
    }

    #[test]
    fn subnormal_numbers_are_zero_within_and_themselves_again_behind() {
        assert_eq!(flushing_to_zero(half_of_the_smallest_normal), 0.0);
        assert!(half_of_the_smallest_normal() > 0.0);
        let panicked =
            catch_unwind(|| flushing_to_zero(|| std::panic::resume_unwind(Box::new(()))));
        assert!(panicked.is_err());
        assert!(half_of_the_smallest_normal() > 0.0);
    }
}
