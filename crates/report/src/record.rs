//! One record: its large numbers, its pictures, and behind a fold all the rest.

use laptime_results::{
    PartialReason, Record, Tone,
    number::{grouped, loss_text, mebibytes, percent, three_digits},
    remarks, seconds, seconds_between, trained_by, typical_run,
};

use crate::{
    details,
    html::Html,
    limits, pictures,
    table::fold,
    warnings::{self, sentence},
};

/// The record under its name; its numbers and warnings stand at the top of the page where it is alone.
pub fn record(html: &mut Html, record: &Record, label: Option<&str>) {
    html.element("section", &[("class", "record")], |html| {
        if let Some(label) = label {
            html.line("h2", &[], label);
        }
        let by = trained_by(&record.engine, &record.device).join(" · ");
        html.line("p", &[("class", "by")], &by);
        if label.is_some() {
            tiles(html, record);
            warnings::show(html, &warnings::warnings(record));
        }
        notes(html, record);
        // Several would hide one another.
        match label {
            None => pictures_of(html, record),
            Some(label) => fold(html, &format!("Pictures and tables: {label}"), |html| {
                pictures_of(html, record);
            }),
        }
    });
}

fn pictures_of(html: &mut Html, record: &Record) {
    html.element("div", &[("class", "figures")], |html| {
        html.element("div", &[("class", "whole")], |html| {
            pictures::phases(html, record)
        });
        pictures::learning(html, record);
        pictures::steps(html, record);
        pictures::telemetry(html, record);
        limits::limits(html, record);
        pictures::roofline(html, record);
    });
    details::details(html, record);
}

/// What qualifies the total without being a warning.
fn notes(html: &mut Html, record: &Record) {
    let notes: Vec<String> = remarks(record)
        .into_iter()
        .filter(|it| matches!(it.tone, Tone::Plain | Tone::Note))
        .map(|it| sentence(&it.text))
        .collect();
    if !notes.is_empty() {
        html.line("p", &[("class", "notes")], &notes.join(" "));
    }
}

/// A large number with what it is.
struct Tile {
    name: &'static str,
    value: String,
    detail: String,
}

/// The large numbers.
pub fn tiles(html: &mut Html, record: &Record) {
    html.element("dl", &[("class", "tiles")], |html| {
        for tile in tiles_of(record) {
            html.element("div", &[("class", "tile")], |html| {
                html.line("dt", &[], tile.name);
                html.line("dd", &[("class", "value")], &tile.value);
                if !tile.detail.is_empty() {
                    html.line("dd", &[("class", "detail")], &tile.detail);
                }
            });
        }
    });
}

fn tiles_of(record: &Record) -> Vec<Tile> {
    let summary = &record.summary;
    let mut tiles = Vec::new();
    let mut add = |name, value: String, detail: String| {
        tiles.push(Tile {
            name,
            value,
            detail,
        });
    };
    if !record.runs.is_empty() {
        let whole = summary.extrapolated_total_s.as_ref();
        let total = whole.unwrap_or(&summary.total_s);
        let name = match (whole, record.partial) {
            (Some(_), _) => "Total, extrapolated",
            (None, true) => "Total of a part",
            (None, false) => "Total",
        };
        let detail = match total.ci95 {
            Some(ends) => format!("95 %: {}", seconds_between(ends, total.median)),
            None => "no interval".into(),
        };
        add(name, seconds(total.median), detail);
    }
    add("Gate", gate_word(record).into(), gate_detail(record));
    if summary.samples_per_s > 0.0 {
        let mut detail = vec![format!(
            "{} GFLOP/s",
            three_digits(1e-9 * summary.achieved_flops)
        )];
        detail.extend(
            summary
                .model_flops_utilization
                .map(|share| format!("{:.0} % of peak", 100.0 * share)),
        );
        let value = grouped(summary.samples_per_s.round() as u64);
        add("Samples a second", value, detail.join(", "));
    }
    let run = typical_run(&record.runs);
    if let Some(test) = run.and_then(|run| run.test.as_ref()) {
        let samples = grouped(record.dataset.test_samples);
        let detail = match record.partial_reason {
            Some(PartialReason::MaxSteps) => "after a part of the training".into(),
            _ => format!("of {samples} test samples"),
        };
        match test.metrics.accuracy() {
            Some(share) => add("Accuracy", percent(share), detail),
            None => add("Test loss", loss_text(test.metrics.loss()), detail),
        }
    }
    if let Some(sample_j) = summary.energy_per_sample_j {
        let epoch_j = sample_j * record.epoch_samples() as f64;
        let value = format!("{} J", three_digits(epoch_j));
        add("Energy", value, "an epoch, processor alone".into());
    }
    if let Some(bytes) = run.and_then(|run| run.peak_memory_bytes) {
        add(
            "Memory",
            format!("{} MiB", mebibytes(bytes)),
            "at its peak".into(),
        );
    }
    tiles
}

/// The gate's verdict in a word.
pub fn gate_word(record: &Record) -> &'static str {
    use laptime_results::GateVerdict::{Failed, NotAsked, Verified, VerifiedSteps};
    match record.gate.verdict {
        Verified | VerifiedSteps => "✓ verified",
        Failed => "✗ failed",
        NotAsked => "– not asked",
    }
}

/// What limits it.
fn gate_detail(record: &Record) -> String {
    let whole = record.gate.to_string();
    let inside = whole.strip_prefix("verified").unwrap_or_default().trim();
    match inside.strip_prefix('(').and_then(|it| it.strip_suffix(')')) {
        Some(limit) => limit.to_owned(),
        None if whole == "verified" => "against float64".into(),
        None => String::new(),
    }
}
