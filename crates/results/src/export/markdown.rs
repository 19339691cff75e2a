//! Records as a Markdown table, one row a record.

use laptime_measure::Run;

use super::cell;
use crate::{
    Record, divergence,
    number::{decimals, grouped, mebibytes},
    render::accuracy,
    summary::{counted, typical_run},
};

/// The records as one table. No time stands in it without the gate's word.
pub fn markdown(records: &[Record]) -> String {
    let mut text = String::from(
        "| Workload | Engine | Device | Runs | Total [s] | Gate | Train [s] | Compile [s] \
         | Samples/s | GFLOP/s | Test accuracy | Peak memory [MiB] |\n\
         |:---|:---|:---|---:|---:|:---|---:|---:|---:|---:|---:|---:|\n",
    );
    for record in records {
        if let Some(run) = typical_run(&record.runs) {
            text += &row(&cells(record, run));
        }
    }
    text
}

fn cells(record: &Record, run: &Run) -> [String; 12] {
    let summary = &record.summary;
    let places = decimals(summary.total_s.median);
    let seconds = |value: f64| format!("{value:.places$}");
    let total = match summary.total_s.ci95 {
        Some([low, high]) => format!(
            "{} ({} to {})",
            seconds(summary.total_s.median),
            seconds(low),
            seconds(high)
        ),
        None => seconds(summary.total_s.median),
    };
    let mut notes = vec![record.gate.to_string()];
    notes.extend(divergence(record).map(|place| format!("diverged {place}")));
    if record.partial {
        notes.push("partial".into());
    }
    notes.extend(record.dataset.source.remark().map(Into::into));
    [
        record.workload.name.clone(),
        format!("{} {}", record.engine.name, record.engine.version),
        record.device.name.clone(),
        counted(&record.runs).len().to_string(),
        total,
        notes.join(", "),
        seconds(run.phases.train_s),
        seconds(run.phases.compile_s),
        grouped(summary.samples_per_s.round() as u64),
        format!("{:.1}", summary.achieved_flops / 1e9),
        run.test.as_ref().and_then(accuracy).unwrap_or_default(),
        run.peak_memory_bytes.map_or_else(String::new, mebibytes),
    ]
}

/// A row of any table.
pub(super) fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell::markdown(text)).collect();
    format!("| {} |\n", cells.join(" | "))
}
