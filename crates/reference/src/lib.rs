//! The oracle: the exact meaning of Programs and of lowered Schedules.
//!
//! Everything is computed in `f64` by the most obvious loops, one file a family of operations,
//! forward and backward side by side. What an engine computes is right when it agrees with this.
//!
//! It refuses to be fast: no threads, no vector instructions, no fusion, no clever order of sums.
//! Where a loop could be shorter or plainer, plainer wins.

mod memory;
pub mod ops;
mod reference;

pub use reference::{Reference, Rounding, Step};
