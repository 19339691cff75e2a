//! What qualifies a record's total, in sentences: the same in the terminal and in a report.

mod ends;

use laptime_measure::Run;

use crate::{
    Record, divergence,
    number::{counted, decimals, grouped},
    summary::counted as counted_runs,
};

/// How a sentence is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// The most important one.
    Headline,
    /// A result.
    Plain,
    /// For who wants to know.
    Note,
    /// What the reader would not expect.
    Warning,
    /// The result is not what it should be.
    Bad,
}

/// A sentence, without a full stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Remark {
    /// How it is meant.
    pub tone: Tone,
    /// What it says.
    pub text: String,
    /// The values that it is about, for a small picture; empty for most.
    pub curve: Vec<f64>,
}

impl Remark {
    pub(crate) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            tone,
            text: text.into(),
            curve: Vec::new(),
        }
    }
}

/// All that qualifies the total of a record, in the order in which it is read.
pub fn remarks(record: &Record) -> Vec<Remark> {
    let mut said = spread(record);
    if let Some(place) = divergence(record) {
        let text = format!("diverged {place}: its loss is not finite");
        said.push(Remark::new(Tone::Bad, text));
    }
    said.extend(ends::partial(record));
    said.extend(ends::goal(record));
    said.extend(ends::sustained(record));
    said.extend(extrapolated(record));
    said.extend(record.runs.iter().flat_map(resumed));
    said
}

/// How runs differ.
fn spread(record: &Record) -> Vec<Remark> {
    let runs = counted_runs(&record.runs);
    let mut said = Vec::new();
    if runs.len() < 2 {
        return said;
    }
    let places = decimals(record.summary.total_s.median);
    let totals: Vec<f64> = runs.iter().map(|run| run.total_s).collect();
    let low = totals.iter().copied().fold(f64::INFINITY, f64::min);
    let high = totals.iter().copied().fold(0.0, f64::max);
    let spread = match record.summary.total_s.ci95 {
        Some([low, high]) => format!("95 % interval {low:.places$} to {high:.places$} s"),
        None => format!("from {low:.places$} to {high:.places$} s"),
    };
    let text = format!("median of {}, {spread}", counted(runs.len() as u64, "run"));
    said.push(Remark::new(Tone::Note, text));
    if record.summary.drifts == Some(true) {
        let text = "times drift from run to run: no interval holds";
        said.push(Remark::new(Tone::Warning, text));
    }
    if let Some(cold) = record.runs.iter().find(|run| run.cold) {
        let text = format!("first, cold run {:.places$} s, not counted", cold.total_s);
        said.push(Remark::new(Tone::Note, text));
    }
    said
}

/// What the whole would take, never to be taken for a measurement.
fn extrapolated(record: &Record) -> Option<Remark> {
    let whole = record.summary.extrapolated_total_s.as_ref()?;
    let runs = counted_runs(&record.runs);
    let steps = runs.iter().map(|run| run.trained_samples()).min();
    let steps = steps
        .unwrap_or(0)
        .div_ceil(record.workload.batch_size.max(1));
    let time = |seconds: f64| format!("{seconds:.*} s", decimals(seconds));
    let epochs = counted(record.workload.epochs, "epoch");
    let interval = whole.ci95.map_or_else(String::new, |[low, high]| {
        format!(" (95 %: {} to {})", time(low), time(high))
    });
    let text = format!(
        "{epochs} would take {}{interval}, extrapolated from {}",
        time(whole.median),
        counted(steps, "step"),
    );
    Some(Remark::new(Tone::Plain, text))
}

fn resumed(run: &Run) -> Vec<Remark> {
    let Some(last) = run.resumed.last() else {
        return Vec::new();
    };
    let step = grouped(last.step);
    let text = match run.resumed.len() {
        1 => format!("resumed at step {step}: the times of both parts together"),
        n => format!("resumed {n} times, last at step {step}: the times of all parts"),
    };
    let mut said = vec![Remark::new(Tone::Warning, text)];
    if run.resumed.iter().any(|it| it.before.is_some()) {
        let text = "not all by one engine, build and device: bits may differ";
        said.push(Remark::new(Tone::Warning, text));
    }
    said
}
