//! A result in one sentence that can be quoted: never a time without its interval, its device and the
//! gate's verdict.

use crate::{
    GateVerdict, MedianSeconds, Record, divergence,
    number::{beside_total, counted, times},
    published,
    render::reason,
    summary::{counted as counted_runs, typical_run},
};

/// What a record says, in one sentence.
pub fn headline(record: &Record) -> String {
    let who = subject(record);
    let what = &record.workload.name;
    let runs = counted_runs(&record.runs);
    if runs.is_empty() {
        return format!("{who}: no time for {what}; {}.", reason(record));
    }
    match record.gate.verdict {
        GateVerdict::Verified | GateVerdict::VerifiedSteps => {}
        GateVerdict::Failed => {
            return format!("{who} does not do the training of {what}: the gate failed.");
        }
        GateVerdict::NotAsked => return format!("{who}: no verdict of the gate on {what}."),
    }
    if let Some(place) = divergence(record) {
        return format!("{who}: the training of {what} diverges {place}.");
    }
    let goal = typical_run(&record.runs).and_then(|run| run.goal.as_ref());
    let reached = goal.filter(|it| it.reached_after_epochs.is_some());
    let (total, verb) = match (&record.summary.extrapolated_total_s, reached) {
        (Some(whole), _) => (whole, "would train and test"),
        (None, Some(_)) => (&record.summary.total_s, "trains"),
        (None, None) if record.partial => (&record.summary.total_s, "did a part of"),
        (None, None) => (&record.summary.total_s, "trains and tests"),
    };
    let until = reached.map_or_else(String::new, |it| format!(" until {}", it.goal));
    let extrapolated = match record.summary.extrapolated_total_s {
        Some(_) => ", extrapolated",
        None => "",
    };
    let basis = basis(total, runs.len(), record.summary.drifts == Some(true));
    format!(
        "{who} {verb} {what}{until} in {}{extrapolated} ({basis}).",
        seconds(total.median)
    )
}

/// How fast that is beside a published result: the one that its readers know; `None` where none may stand
/// beside it.
pub fn beside_published(record: &Record) -> Option<String> {
    let found = published::beside(record);
    let known = |it: &&published::Comparison| it.published.name == crate::suite::SUITE.reference;
    let it = found.iter().find(known).or(found.first())?;
    let year = it
        .published
        .year
        .map_or_else(String::new, |year| format!(" of {year}"));
    Some(format!(
        "{} the speed of the published {} result{year}, {} s.",
        times(it.speed_ratio),
        it.published.name,
        it.published.total_s
    ))
}

/// Who trained, on what.
fn subject(record: &Record) -> String {
    let device = &record.device;
    let engine = &record.engine.name;
    let threads = device.threads.map_or_else(String::new, |threads| {
        format!(" ({})", counted(threads, "thread"))
    });
    match device.name.is_empty() {
        true => engine.clone(),
        false => format!("{engine} on {}{threads}", device.name),
    }
}

/// What the time rests on.
fn basis(total: &MedianSeconds, runs: usize, drifts: bool) -> String {
    let runs = counted(runs as u64, "run");
    match total.ci95 {
        Some(ends) => format!(
            "95 % interval {}, {runs}",
            seconds_between(ends, total.median)
        ),
        None if drifts => format!("{runs}, which drift: no interval holds"),
        None => format!("{runs}, too few for an interval"),
    }
}

/// A total by itself.
pub fn seconds(total_s: f64) -> String {
    format!("{} s", beside_total(total_s, total_s))
}

/// An interval around a total, with as many digits as the total has.
pub fn seconds_between([low, high]: [f64; 2], total_s: f64) -> String {
    let [low, high] = [low, high].map(|end| beside_total(end, total_s));
    format!("{low} to {high} s")
}
