//! The oracle: the exact meaning of Programs and of lowered Schedules.
//!
//! Everything is computed in `f64` by the most obvious loops, one file a family of operations,
//! forward and backward side by side. What an engine computes is right when it agrees with this.
//!
//! It refuses to be clever: no vector instructions by hand, no fusion. Products alone, where all the
//! time goes, have loops that a compiler can do well by and are shared out among the processors, because
//! a gate that takes a minute is one that people switch off (`ops/rows.rs`). Everywhere else, where a
//! loop could be shorter or plainer, plainer wins.

mod memory;
pub mod ops;
mod reference;
mod rounding;

pub use reference::{Reference, Step};
pub use rounding::Rounding;
