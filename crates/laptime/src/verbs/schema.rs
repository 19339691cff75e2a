//! `laptime schema`: the JSON Schema of a record.

use crate::{failure::Failure, output};

/// Prints the schema.
pub fn schema() -> Result<(), Failure> {
    let schema = laptime_results::schema();
    let text = serde_json::to_string_pretty(&schema)
        .map_err(|error| Failure::Failed(format!("the schema cannot be written: {error}")))?;
    output::print(&format!("{text}\n"))
}
