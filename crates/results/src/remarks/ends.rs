//! How trainings ended: cut short, at a goal, or after the time over which a speed was to be sustained.

use laptime_measure::{Run, statistics::median};

use super::{Remark, Tone};
use crate::{
    PartialReason, Record,
    number::{counted, decimals, duration, grouped, loss_text, percent},
    summary::{counted as counted_runs, typical_run},
};

/// Why a record is partial.
pub(super) fn partial(record: &Record) -> Option<Remark> {
    let why = match record.partial_reason? {
        PartialReason::MaxSteps => "cut short by --max-steps",
        PartialReason::Goal => "ended by --until",
        PartialReason::NoTest => "--no-test left out the test",
        PartialReason::Interrupted => "interrupted",
        PartialReason::Failed => "the engine failed",
    };
    let done = record.runs.last().map_or(0, Run::trained_samples);
    let all = record.workload.epochs * record.epoch_samples();
    let is_whole = done >= all && record.runs.last().is_some_and(|run| run.is_whole());
    let text = match (record.runs.len(), is_whole) {
        _ if record.partial_reason == Some(PartialReason::NoTest) => {
            format!("partial: {why}, and the total is without it")
        }
        (count, true) => format!(
            "partial: {why} after {}",
            counted(count as u64, "whole run")
        ),
        (0 | 1, false) => format!(
            "partial: {why} after {} of {} samples",
            grouped(done),
            grouped(all)
        ),
        (count, false) => format!(
            "partial: {why} after {} of {} samples of run {count}",
            grouped(done),
            grouped(all)
        ),
    };
    Some(Remark::new(Tone::Warning, text))
}

/// The time to a score.
pub(super) fn goal(record: &Record) -> Option<Remark> {
    let run = typical_run(&record.runs)?;
    let outcome = run.goal.as_ref()?;
    let last = outcome.tests.last();
    let score = last.map_or_else(String::new, |test| {
        let accuracy = test.metrics.accuracy();
        let accuracy =
            accuracy.map_or_else(String::new, |it| format!("accuracy {}, ", percent(it)));
        format!(": {accuracy}loss {}", loss_text(test.metrics.loss()))
    });
    Some(match outcome.reached_after_epochs {
        Some(epochs) => {
            let time = format!("{:.*} s", decimals(run.total_s), run.total_s);
            let text = format!(
                "{} reached in {time}, {}{score}",
                outcome.goal,
                counted(epochs, "epoch")
            );
            Remark::new(Tone::Plain, text)
        }
        None => {
            let text = format!(
                "{} not reached in {}{score}",
                outcome.goal,
                counted(record.workload.epochs, "epoch")
            );
            Remark::new(Tone::Warning, text)
        }
    })
}

/// A share by which the end must be slower than the beginning to be worth a warning.
const SLOWER: f64 = 0.03;

/// No more values than a line has columns.
const MOST_VALUES: usize = 40;

/// What became of the speed over the time that was asked for.
pub(super) fn sustained(record: &Record) -> Option<Remark> {
    let sustain_s = record.sustain_s?;
    let totals: Vec<f64> = counted_runs(&record.runs)
        .iter()
        .map(|run| run.total_s)
        .collect();
    let third = totals.len() / 3;
    let (first, last) = (
        median(&totals[..third]),
        median(&totals[totals.len() - third..]),
    );
    let (Some(first), Some(last)) = (first, last) else {
        let text = "too few runs to say whether the speed is sustained";
        return Some(Remark::new(Tone::Warning, text));
    };
    let change = last / first - 1.0;
    let (text, tone) = if change >= SLOWER {
        (format!("{:.1} % slower", 100.0 * change), Tone::Warning)
    } else if change <= -SLOWER {
        (format!("{:.1} % faster", -100.0 * change), Tone::Plain)
    } else {
        ("as fast".to_owned(), Tone::Plain)
    };
    let text = format!(
        "sustained for {}: the last third of {} is {text} than the first",
        duration(sustain_s),
        counted(totals.len() as u64, "run")
    );
    let text = text.replace("as fast than", "as fast as");
    Some(Remark {
        curve: totals
            .chunks(totals.len().div_ceil(MOST_VALUES))
            .filter_map(median)
            .collect(),
        ..Remark::new(tone, text)
    })
}
