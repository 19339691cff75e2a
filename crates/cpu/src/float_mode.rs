//! Numbers too small to be normal count as 0 while kernels run.
//!
//! Gradients of dead pixels decay through Adam's moments into subnormal numbers, on which x86
//! processors are a hundred times slower. They are below 10⁻³⁸; no result that anyone can see
//! depends on them. TensorFlow and JAX flush them on the CPU too.

use std::{arch::asm, marker::PhantomData};

/// While it lives, this thread's arithmetic flushes subnormal numbers to 0. Not `Send`: the mode
/// belongs to the thread.
pub(crate) struct FlushToZero {
    before: u64,
    _thread: PhantomData<*const ()>,
}

impl FlushToZero {
    pub(crate) fn new() -> Self {
        let before = read();
        write(before | FLUSH);
        Self {
            before,
            _thread: PhantomData,
        }
    }
}

impl Drop for FlushToZero {
    fn drop(&mut self) {
        write(self.before);
    }
}

/// MXCSR: flush results to zero (bit 15), take subnormal operands as zero (bit 6).
#[cfg(target_arch = "x86_64")]
const FLUSH: u64 = 1 << 15 | 1 << 6;

#[cfg(target_arch = "x86_64")]
fn read() -> u64 {
    let mut mode = 0u32;
    // SAFETY: every x86-64 processor has SSE; the instruction writes four bytes to `mode`.
    unsafe { asm!("stmxcsr [{}]", in(reg) &mut mode, options(nostack, preserves_flags)) }
    u64::from(mode)
}

#[cfg(target_arch = "x86_64")]
fn write(mode: u64) {
    let mode = mode as u32;
    // SAFETY: as above; only the two bits of `FLUSH` differ from what was there, and no code
    // relies on subnormal numbers between `new` and `drop`.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &mode, options(nostack, readonly, preserves_flags)) }
}

/// FPCR: flush to zero (bit 24).
#[cfg(target_arch = "aarch64")]
const FLUSH: u64 = 1 << 24;

#[cfg(target_arch = "aarch64")]
fn read() -> u64 {
    let mode;
    // SAFETY: reading FPCR is allowed at every privilege level.
    unsafe { asm!("mrs {}, fpcr", out(reg) mode, options(nostack, nomem, preserves_flags)) }
    mode
}

#[cfg(target_arch = "aarch64")]
fn write(mode: u64) {
    // SAFETY: only the bit of `FLUSH` differs from what was there, and no code relies on
    // subnormal numbers between `new` and `drop`.
    unsafe { asm!("msr fpcr, {}", in(reg) mode, options(nostack, nomem, preserves_flags)) }
}
