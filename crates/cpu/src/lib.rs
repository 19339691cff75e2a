//! Lowers a Program to a Schedule of its own kernels, and runs it on CPU threads. Knows nothing of
//! files, of TOML, or of what a layer is.

mod engine;
mod extents;
mod float_mode;
mod kernels;
mod link;
mod lower;
mod memory;
mod ops;
mod peak;
mod runner;
mod segments;
mod session;
mod simd;
mod threads;
#[doc(hidden)]
pub mod yardstick;

pub use engine::CpuEngine;
pub use lower::{Target, lower};
pub use simd::{Isa, LANES};
