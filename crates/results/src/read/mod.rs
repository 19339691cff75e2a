//! Records as they are read again, from anywhere: judged, not believed.

mod faults;

use laptime_measure::Run;
use serde::Deserialize;
use serde_json::error::Category;
use thiserror::Error;

use crate::{Record, SchemaName, Summary, Work};

pub use faults::faults;

/// A record from a file.
#[derive(Debug, Clone)]
pub struct Read {
    /// The record; its summary is derived anew from the raw times.
    pub record: Record,
    /// Whether the file said something else in its summary.
    pub summary_differs: bool,
}

/// Why a text has no record that can be used.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// Another version's.
    #[error(
        "its schema is {found:?}, and this laptime ({}) reads {}; read it with the laptime that wrote it, \
         or a newer one",
        env!("CARGO_PKG_VERSION"),
        known_schemas()
    )]
    Schema {
        /// What the text says.
        found: String,
    },
    /// It ends too early.
    #[error("it is cut short ({0}); write it again with --export-json")]
    Truncated(serde_json::Error),
    /// It is something else.
    #[error("this is no record of laptime ({0}); give a file that --export-json wrote")]
    Foreign(serde_json::Error),
    /// It is an empty array.
    #[error("there is no record in it; give a file that --export-json wrote")]
    Empty,
    /// What it says cannot be.
    #[error("the record {id:?} cannot be right: {what}")]
    Wrong {
        /// The record's id.
        id: String,
        /// All that is wrong with it.
        what: String,
    },
}

/// The record of a text, or all of a race's array of records.
///
/// # Errors
/// Where any of it is no record, is of a version that is not known, or cannot be right.
pub fn read(text: &[u8]) -> Result<Vec<Read>, Unreadable> {
    let parsed = match is_array(text) {
        true => serde_json::from_slice::<Vec<Record>>(text),
        false => serde_json::from_slice::<Record>(text).map(|one| vec![one]),
    };
    let records = parsed.map_err(|error| reason(text, error))?;
    if records.is_empty() {
        return Err(Unreadable::Empty);
    }
    records.into_iter().map(judged).collect()
}

fn judged(mut record: Record) -> Result<Read, Unreadable> {
    let what = faults(&record);
    if !what.is_empty() {
        return Err(Unreadable::Wrong {
            id: record.id,
            what: what.join("; "),
        });
    }
    let derived = Summary::of(&record.runs, Work::of(&record), record.analysis.as_ref());
    let summary_differs = !is_same(&derived, &record.summary);
    record.summary = derived;
    Ok(Read {
        record,
        summary_differs,
    })
}

/// Model operations a second of one run, as the summary has their median.
pub(crate) fn achieved_flops(record: &Record, run: &Run) -> f64 {
    run.samples_per_s() * Work::of(record).model_flops_per_sample
}

/// Whether two summaries are of the same times. Other builds may have rounded otherwise, and older ones
/// had another interval: that is no contradiction.
fn is_same(derived: &Summary, told: &Summary) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs());
    near(derived.total_s.median, told.total_s.median)
        && near(derived.samples_per_s, told.samples_per_s)
        && near(derived.achieved_flops, told.achieved_flops)
}

fn is_array(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(b"[")
}

/// What of a record is read first.
#[derive(Deserialize)]
struct Head {
    schema: String,
}

/// Why a text was refused. A record of another version is refused for its version, whatever else of it
/// is unknown here.
fn reason(text: &[u8], error: serde_json::Error) -> Unreadable {
    let text = text.trim_ascii_start();
    let first = text.strip_prefix(b"[").unwrap_or(text);
    let mut heads = serde_json::Deserializer::from_slice(first).into_iter::<Head>();
    if let Some(Ok(head)) = heads.next() {
        let name = serde_json::Value::String(head.schema.clone());
        if serde_json::from_value::<SchemaName>(name).is_err() {
            let found = head.schema.chars().take(80).collect();
            return Unreadable::Schema { found };
        }
    }
    match error.classify() {
        Category::Eof => Unreadable::Truncated(error),
        Category::Io | Category::Syntax | Category::Data => Unreadable::Foreign(error),
    }
}

fn known_schemas() -> String {
    let name = |schema: &SchemaName| serde_json::to_value(schema).ok();
    let names = SchemaName::ALL.iter().filter_map(name);
    let names: Vec<String> = names
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect();
    names.join(", ")
}
