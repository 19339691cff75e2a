//! A race as a Markdown table, one row an engine, for a README.

use crate::{
    Measure, Record, Standing, Standings, divergence,
    export::{cell::markdown_paragraph, markdown::row},
    number::{counted, decimals, mebibytes, percent, three_digits},
    render::{cautions, conditions, reason, verdict_sentence},
};

/// The records of a race as one table, with what it was raced over below it. No time stands in it
/// without the gate's word.
pub fn race_markdown(records: &[Record]) -> String {
    let standings = Standings::of(records);
    let (ranked, other) = match standings.measure {
        Measure::Total => ("Total [s]", "Epoch [s]"),
        Measure::Step => ("Step [ms]", "Total [s]"),
    };
    let mut text = format!(
        "| Engine | Device | Runs | {ranked} | Ratio (95 % interval) | {other} | Cold start [s] | Compile [s] \
         | Peak memory [MiB] | Test accuracy | Gate |\n\
         |:---|:---|---:|---:|---:|---:|---:|---:|---:|---:|:---|\n",
    );
    for standing in standings.verified.iter().chain(&standings.refused) {
        text += &row(&cells(standing, standings.measure));
    }
    for record in &standings.failed {
        let mut cells: [String; 11] = Default::default();
        cells[0] = engine(record);
        cells[10] = reason(record);
        text += &row(&cells);
    }
    if let Some(record) = records.first() {
        let mut below = conditions(record, &standings);
        below.push(record.created.chars().take(10).collect());
        below.extend(record.dataset.source.remark().map(Into::into));
        text += &format!("\n{}\n", markdown_paragraph(&below.join(" · ")));
    }
    for caution in cautions(records, &standings) {
        text += &format!("\n{}\n", markdown_paragraph(caution));
    }
    if let Some(sentence) = verdict_sentence(&standings) {
        text += &format!("\n{}\n", markdown_paragraph(&sentence));
    }
    text
}

fn cells(standing: &Standing, measure: Measure) -> [String; 11] {
    let seconds = |value: f64| format!("{value:.0$}", decimals(value));
    let (ranked, other) = match measure {
        Measure::Total => (standing.total_s, standing.epoch_s),
        Measure::Step => (1e3 * standing.step_s, standing.total_s),
    };
    let ratio = standing.ratio.map_or_else(String::new, |ratio| {
        let times = three_digits(ratio.ratio);
        match ratio.ci95 {
            Some([low, high]) => {
                format!("{times} ({} to {})", three_digits(low), three_digits(high))
            }
            None => times,
        }
    });
    let diverged = divergence(standing.record);
    let mut gate = standing.record.gate.to_string();
    if let Some(place) = &diverged {
        gate += &format!(", diverged {place}");
    }
    [
        engine(standing.record),
        device(standing.record),
        standing.runs.to_string(),
        seconds(ranked),
        ratio,
        seconds(other),
        seconds(standing.cold_start_s),
        seconds(standing.compile_s),
        standing
            .peak_memory_bytes
            .map_or_else(String::new, mebibytes),
        match diverged {
            Some(_) => "diverged".into(),
            None => standing.test_accuracy.map_or_else(String::new, percent),
        },
        gate,
    ]
}

fn engine(record: &Record) -> String {
    let engine = &record.engine;
    let variant = engine.details.get("variant");
    let variant = variant.map_or_else(String::new, |variant| format!(", {variant}"));
    format!("{} {}{variant}", engine.name, engine.version)
}

fn device(record: &Record) -> String {
    let device = &record.device;
    match device.threads {
        Some(threads) => format!("{}, {}", device.name, counted(threads, "thread")),
        None => device.name.clone(),
    }
}
