//! Records as JSON.

use serde::Serialize;

use crate::Record;

/// The record as indented JSON with a newline at its end.
pub fn json(record: &Record) -> String {
    text(record)
}

/// The records as an array of indented JSON with a newline at its end.
pub fn json_array(records: &[Record]) -> String {
    text(records)
}

pub(super) fn text(value: &(impl Serialize + ?Sized)) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("a record has only strings for keys");
    text.push('\n');
    text
}
