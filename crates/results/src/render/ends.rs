//! What became of a goal, and of a speed that was to be sustained.

use laptime_measure::statistics::median;

use super::{
    BAR, Block, PLAIN, WARNING, counted_runs, decimals, duration, percent, sparkline, typical_run,
};
use crate::{
    Record,
    number::{counted, loss_text},
};

/// The time to a score.
pub(crate) fn goal(block: &mut Block, record: &Record) {
    let Some(run) = typical_run(&record.runs) else {
        return;
    };
    let Some(outcome) = &run.goal else {
        return;
    };
    let last = outcome.tests.last();
    let score = last.map_or_else(String::new, |test| {
        format!(
            ": accuracy {}, loss {}",
            percent(test.accuracy),
            loss_text(test.loss)
        )
    });
    match outcome.reached_after_epochs {
        Some(epochs) => {
            let time = format!("{:.*} s", decimals(run.total_s), run.total_s);
            let text = format!(
                "{} reached in {time}, {}{score}",
                outcome.goal,
                counted(epochs, "epoch")
            );
            block.entry("", &text, PLAIN);
        }
        None => {
            let text = format!(
                "{} not reached in {}{score}",
                outcome.goal,
                counted(record.workload.epochs, "epoch")
            );
            block.entry("", &text, WARNING);
        }
    }
}

/// A share by which the end must be slower than the beginning to be worth a warning.
const SLOWER: f64 = 0.03;

/// What became of the speed over the time that was asked for.
pub(crate) fn sustained(block: &mut Block, record: &Record) {
    let Some(sustain_s) = record.sustain_s else {
        return;
    };
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
        block.entry(
            "",
            "too few runs to say whether the speed is sustained",
            WARNING,
        );
        return;
    };
    let change = last / first - 1.0;
    let (text, paint) = if change >= SLOWER {
        (format!("{:.1} % slower", 100.0 * change), WARNING)
    } else if change <= -SLOWER {
        (format!("{:.1} % faster", -100.0 * change), PLAIN)
    } else {
        ("as fast".to_owned(), PLAIN)
    };
    let text = format!(
        "sustained for {}: the last third of {} is {text} than the first",
        duration(sustain_s),
        counted(totals.len() as u64, "run")
    );
    let text = text.replace("as fast than", "as fast as");
    // No more columns than a line has.
    let speeds: Vec<f64> = totals
        .chunks(totals.len().div_ceil(40))
        .filter_map(median)
        .collect();
    block.pieces("", &[(&text, paint), (&sparkline(&speeds), BAR)]);
}
