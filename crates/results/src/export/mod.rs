//! Records as files, one format a file.

mod cell;
mod csv;
mod json;
mod markdown;
mod race;

pub use csv::csv;
pub use json::{json, json_array};
pub use markdown::markdown;
pub use race::race_markdown;
