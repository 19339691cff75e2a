//! Records as files, one format a file.

mod cell;
mod compare;
mod csv;
mod flat;
mod json;
mod markdown;
mod race;
mod runs;
mod tensorboard;

pub use compare::{comparison_csv, comparison_json, comparison_markdown};
pub use csv::csv;
pub use json::{compact_json, json, json_array};
pub use markdown::markdown;
pub use race::race_markdown;
pub use runs::{runs_csv, runs_json_lines};
pub use tensorboard::{EventFile, tensorboard};
