//! The JSON Schema of a record.

use schemars::{Schema, schema_for};

use crate::Record;

/// The JSON Schema of [`Record`]; its descriptions are the documentation of the types.
pub fn schema() -> Schema {
    schema_for!(Record)
}
