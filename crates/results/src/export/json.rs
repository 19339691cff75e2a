//! Records as JSON.

use serde::Serialize;

use crate::{
    Record,
    json_text::{indented, one_line},
};

/// The record as indented JSON with a newline at its end.
pub fn json(record: &Record) -> String {
    indented(record)
}

/// The records as an array of indented JSON with a newline at its end.
pub fn json_array(records: &[Record]) -> String {
    indented(records)
}

/// A record or a sweep as JSON on one line, for where it is stored in something else.
pub fn compact_json(value: &impl Serialize) -> String {
    one_line(value)
}
