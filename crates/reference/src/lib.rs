//! The oracle: the exact meaning of Programs and of lowered Schedules.
//!
//! Everything is computed in `f64` by the most obvious loops, one file a family of operations,
//! forward and backward side by side. What an engine computes is right when it agrees with this.
//!
//! It refuses to be clever: no vector instructions by hand, no fusion. Products alone, where most of the
//! time goes, are done in tiles that a compiler keeps in registers (`ops/products.rs`), and what is large
//! is shared out among the processors (`shares.rs`), because a gate that takes a minute is one that people
//! switch off. Everywhere else, where a loop could be shorter or plainer, plainer wins. How many
//! processors there are, and which instructions they have, changes no bit.

mod augmented;
mod chance;
mod memory;
pub mod ops;
mod part;
mod reference;
mod rounding;
mod shares;

pub use augmented::training_batch;
pub use reference::{Reference, Step};
pub use rounding::Rounding;
