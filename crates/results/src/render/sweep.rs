//! A sweep as a table with what follows from it, and two sweeps as a sentence.

use laptime_measure::telemetry::Condition;

use super::{BAD, BOLD, Block, DIM, PLAIN, Style, WARNING, parts, table::Table, trained_by};
use crate::{
    GateVerdict,
    compare::ASSUMED_LOG_SD,
    number::{duration, grouped, three_digits},
    sweep::{Crossing, Lead, Point, Sweep},
};

/// The sweep as a block of text. No time stands in it without the gate's word.
pub fn sweep(made: &Sweep, style: Style) -> String {
    let mut block = Block::new(style);
    header(&mut block, made);
    block.blank();
    table(&mut block, made);
    block.blank();
    for (text, paint) in sentences(made) {
        block.paragraph(0, &text, paint);
    }
    block.finish()
}

fn header(block: &mut Block, sweep: &Sweep) {
    let what = [
        sweep.workload.clone(),
        sweep.precision.clone(),
        format!("{} samples", grouped(sweep.dataset.train_samples)),
    ];
    block.paragraph(0, &parts(&what), BOLD);
    block.paragraph(0, &parts(&trained_by(&sweep.engine, &sweep.device)), DIM);
}

fn table(block: &mut Block, sweep: &Sweep) {
    let line = sweep.line();
    let cells = |value: &dyn Fn(&Point) -> String| sweep.points.iter().map(value).collect();
    let interval = |point: &Point| {
        point.ci95_s().map_or_else(String::new, |[low, high]| {
            format!("{} to {}", duration(low), duration(high))
        })
    };
    let overhead = |point: &Point| {
        line.as_ref().map_or_else(String::new, |line| {
            let whole = line.overhead_s + line.s_per_unit * point.batch_size as f64;
            format!("{:.0} %", 100.0 * line.overhead_s / whole)
        })
    };
    let columns = vec![
        Table::number("batch", 0, cells(&|it| grouped(it.batch_size))),
        Table::number("step", 1, cells(&|it| duration(it.median_s()))),
        Table::number("95 % interval", 5, cells(&interval)),
        Table::number(
            "samples/s",
            2,
            cells(&|it| grouped(it.samples_per_s().round() as u64)),
        ),
        Table::number("overhead", 3, cells(&overhead)),
        Table::text("gate", 0, cells(&|it| word(it.gate.verdict).to_owned())),
    ];
    let table = Table::fitting(columns, block.width());
    let [head, _] = table.head();
    block.row(&head, DIM);
    for place in 0..sweep.points.len() {
        block.row(&table.row(place), PLAIN);
    }
}

fn word(verdict: GateVerdict) -> &'static str {
    match verdict {
        GateVerdict::Verified | GateVerdict::VerifiedSteps => "verified",
        GateVerdict::Failed => "failed",
        GateVerdict::NotAsked => "not asked",
    }
}

fn sentences(sweep: &Sweep) -> Vec<(String, anstyle::Style)> {
    let mut said = Vec::new();
    if let Some(line) = sweep.line() {
        said.push((
            format!(
                "A step takes {}{} and {}{} a sample.",
                duration(line.overhead_s),
                interval(line.overhead_ci95_s),
                duration(line.s_per_unit),
                interval(line.per_unit_ci95_s),
            ),
            BOLD,
        ));
        let half = line.overhead_s / line.s_per_unit;
        if half.is_finite() && half >= 1.0 {
            said.push((
                format!(
                    "Overhead is half of a step at batch {}, and a tenth at batch {}.",
                    grouped(half.round() as u64),
                    grouped((9.0 * half).round() as u64)
                ),
                PLAIN,
            ));
        } else {
            said.push((
                "Overhead is less than half of a step with any batch.".into(),
                PLAIN,
            ));
        }
    } else {
        said.push((
            "Too few batch sizes or rounds to tell overhead and throughput apart.".into(),
            PLAIN,
        ));
    }
    if let Some(condition) = sweep.condition() {
        let paint = match condition {
            Condition::Clean => DIM,
            _ => WARNING,
        };
        said.push((format!("Machine: {condition}."), paint));
    }
    for point in &sweep.points {
        if point.gate.verdict == GateVerdict::Failed {
            let what = point.gate.what.as_deref().unwrap_or("no reason");
            said.push((format!("batch {}: failed: {what}", point.batch_size), BAD));
        }
    }
    said
}

fn interval(ends: Option<[f64; 2]>) -> String {
    ends.map_or_else(String::new, |[low, high]| {
        format!(" (95 %: {} to {})", duration(low), duration(high))
    })
}

/// Two sweeps, called by these names, as a block of text.
pub fn crossing(found: &Crossing, names: [&str; 2], style: Style) -> String {
    let mut block = Block::new(style);
    block.paragraph(0, &sentence(found, names), BOLD);
    for meeting in [found.small, found.large] {
        let [low, high] = meeting.ci95.map(three_digits);
        let text = format!(
            "At batch {}, {} takes {} times as long as {} (95 %: {low} to {high}).",
            grouped(meeting.batch_size),
            names[0],
            three_digits(meeting.ratio),
            names[1],
        );
        block.paragraph(2, &text, PLAIN);
    }
    let text = format!(
        "The intervals are widened: sweeps are measured on different occasions, which are assumed to \
         differ by {:.0} %.",
        100.0 * ASSUMED_LOG_SD
    );
    block.paragraph(2, &text, DIM);
    for reason in &found.reasons {
        block.paragraph(0, &format!("Compared all the same: {reason}."), WARNING);
    }
    block.finish()
}

fn sentence(found: &Crossing, names: [&str; 2]) -> String {
    let name = |lead: Lead| match lead {
        Lead::First => Some(names[0]),
        Lead::Second => Some(names[1]),
        Lead::Neither => None,
    };
    let [small, large] = [found.small.batch_size, found.large.batch_size].map(grouped);
    match (
        name(found.small.lead()),
        name(found.large.lead()),
        &found.turn,
    ) {
        (None, None, _) => "The two cannot be told apart.".into(),
        (Some(one), Some(_), None) => format!("{one} is faster from batch {small} to {large}."),
        (Some(one), Some(other), Some(turn)) => {
            let at = grouped(turn.x.round() as u64);
            let interval = match turn.ci95 {
                Some([low, high]) if high.is_finite() => format!(
                    " (95 %: {} to {})",
                    grouped(low.round() as u64),
                    grouped(high.round() as u64)
                ),
                _ => String::new(),
            };
            format!("Below batch {at}{interval} {one} is faster, above it {other}.")
        }
        (Some(one), None, _) => format!(
            "{one} is faster at batch {small}; at batch {large} the two cannot be told apart."
        ),
        (None, Some(one), _) => format!(
            "{one} is faster at batch {large}; at batch {small} the two cannot be told apart."
        ),
    }
}
