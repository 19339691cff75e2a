//! Stored records as a list, and one of them by itself.

use super::{BOLD, Block, DIM, PLAIN, Style, decimals, parts, render, table::Table};
use crate::{GateVerdict, Record, divergence};

/// The records as a table, a line each, in the order given. Where there is little room, devices and
/// engines go first.
pub fn list(records: &[Record], style: Style) -> String {
    let mut block = Block::wide(style);
    let cells = |value: fn(&Record) -> String| records.iter().map(value).collect::<Vec<_>>();
    let columns = vec![
        Table::text(
            "when (UTC)",
            1,
            cells(|it| it.created.replace('T', " ").chars().take(16).collect()),
        ),
        Table::text("id", 0, cells(|it| short_id(&it.id).to_owned())),
        Table::text("workload", 4, cells(|it| it.workload.name.clone())),
        Table::text("engine", 5, cells(|it| it.engine.name.clone())),
        Table::text("device", 6, cells(|it| it.device.name.clone())),
        Table::number("total s", 2, cells(total)),
        Table::text("verdict", 3, cells(|it| verdict(it).to_owned())),
    ];
    let table = Table::fitting(columns, block.width());
    let [head, _] = table.head();
    block.row(&head, DIM);
    for place in 0..records.len() {
        block.row(&table.row(place), PLAIN);
    }
    block.finish()
}

/// A record with the line that says which one it is.
pub fn show(record: &Record, style: Style) -> String {
    let mut block = Block::new(style);
    let made = format!("laptime {}", record.laptime.version);
    let which = [record.id.clone(), record.created.clone(), made];
    block.paragraph(0, &parts(&which), BOLD);
    block.blank();
    block.finish() + &render(record, style)
}

/// The random end of an id, which is enough to name it by.
pub fn short_id(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}

fn total(record: &Record) -> String {
    match record.runs.is_empty() {
        true => "–".into(),
        false => {
            let seconds = record.summary.total_s.median;
            format!("{seconds:.0$}", decimals(seconds))
        }
    }
}

/// What stands beside a time, in a word.
fn verdict(record: &Record) -> &'static str {
    match record.gate.verdict {
        GateVerdict::Failed => "failed",
        GateVerdict::NotAsked => "not asked",
        _ if record.partial => "partial",
        _ if divergence(record).is_some() => "diverged",
        GateVerdict::Verified | GateVerdict::VerifiedSteps => "verified",
    }
}
