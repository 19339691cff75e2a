//! Turns measurements into a [`Record`], and a record into files and text: the store, the JSON
//! Schema, exports, and the block that a person reads at the end of a run. Knows nothing of how
//! anything ran.

mod divergence;
pub mod export;
mod number;
pub mod published;
mod record;
mod render;
mod schema;
mod standings;
mod store;
mod summary;
mod utc;

pub use divergence::divergence;
pub use number::loss_text;
pub use record::*;
pub use render::{Style, race, render};
pub use schema::schema;
pub use standings::{Measure, Standing, Standings};
pub use store::{Store, StoreError};
pub use summary::{MedianSeconds, Summary, typical_run};
