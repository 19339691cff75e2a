//! Short names for results, by what they differ in.

use super::Side;
use crate::{Record, number::counted};

/// Longer names of devices are cut.
const LONGEST_PART: usize = 48;

type Trait = fn(&Record) -> String;

/// What is named wherever it differs, even if less would tell records apart: a sentence on two engines that
/// keeps quiet about their machines would be quoted as one on engines.
const ALWAYS_NAMED: &[Trait] = &[
    |record| record.engine.name.clone(),
    |record| record.device.name.clone(),
];

/// What is named where records cannot be told apart without, the most telling first.
const NAMED_IF_NEEDED: &[Trait] = &[
    |record| {
        let threads = record.device.threads;
        threads.map_or_else(String::new, |threads| counted(threads, "thread"))
    },
    |record| record.workload.precision.clone(),
    |record| format!("batch {}", record.workload.batch_size),
    |record| format!("version {}", record.engine.version),
    |record| record.created.replace('T', " ").replace('Z', ""),
    |record| record.id.clone(),
];

/// A name for each, no two alike.
pub fn labels(sides: &[Side]) -> Vec<String> {
    let records: Vec<&Record> = sides.iter().filter_map(Side::record).collect();
    let mut parts: Vec<Vec<String>> = vec![Vec::new(); records.len()];
    for value in ALWAYS_NAMED {
        let values: Vec<String> = records.iter().map(|record| cut(&value(record))).collect();
        if values.iter().any(|value| *value != values[0]) {
            add(&mut parts, values);
        }
    }
    for value in NAMED_IF_NEEDED {
        let before = groups(&parts);
        if before == records.len() {
            break;
        }
        let mut tried = parts.clone();
        add(
            &mut tried,
            records.iter().map(|record| cut(&value(record))).collect(),
        );
        if groups(&tried) > before {
            parts = tried;
        }
    }
    if let ([record], [parts]) = (records.as_slice(), parts.as_mut_slice()) {
        *parts = vec![cut(&record.engine.name), cut(&record.device.name)];
    }
    let mut parts = parts.into_iter();
    let mut labels: Vec<String> = Vec::new();
    for (place, side) in sides.iter().enumerate() {
        let label = match side {
            Side::Record(_) => {
                let parts = parts.next().unwrap_or_default();
                let parts = parts.into_iter().filter(|part| !part.is_empty());
                parts.collect::<Vec<_>>().join(", ")
            }
            Side::Published(published) => format!("{} (published)", published.name),
        };
        // The same one twice, or nothing to tell them by.
        let is_taken = label.is_empty() || labels.contains(&label);
        labels.push(match is_taken {
            true => format!("{label} #{}", place + 1).trim_start().to_owned(),
            false => label,
        });
    }
    labels
}

fn add(parts: &mut [Vec<String>], values: Vec<String>) {
    for (parts, value) in parts.iter_mut().zip(values) {
        parts.push(value);
    }
}

/// How many different ones there are.
fn groups(parts: &[Vec<String>]) -> usize {
    let mut parts: Vec<&Vec<String>> = parts.iter().collect();
    parts.sort();
    parts.dedup();
    parts.len()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_PART) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
