//! A sweep as a table with what follows from it, and two sweeps as a sentence.

use laptime_measure::{statistics::Line, telemetry::Condition};

use super::{BOLD, Block, DIM, PLAIN, Style, WARNING, paint, parts, table::Table, trained_by};
use crate::{
    GateVerdict,
    compare::ASSUMED_LOG_SD,
    number::{duration, grouped, three_digits},
    remarks::{Remark, Tone},
    sweep::{Axis, Crossing, Lead, Point, Sweep, published},
};

/// The sweep as a block of text. No time stands in it without the gate's word.
pub fn sweep(made: &Sweep, style: Style) -> String {
    let mut block = Block::new(style);
    header(&mut block, made);
    block.blank();
    table(&mut block, made);
    block.blank();
    for remark in remarks(made) {
        block.paragraph(0, &remark.text, paint(remark.tone));
    }
    references(&mut block, &[made], &["this sweep"]);
    block.finish()
}

/// What others published of the same net as these sweeps, called by these names, as a block of text; nothing where
/// nobody did.
pub fn beside_sweeps(sweeps: &[&Sweep], names: &[&str], style: Style) -> String {
    let mut block = Block::new(style);
    references(&mut block, sweeps, names);
    block.finish()
}

fn references(block: &mut Block, sweeps: &[&Sweep], own_names: &[&str]) {
    let found = published::beside(sweeps);
    if found.is_empty() {
        return;
    }
    block.blank();
    block.paragraph(0, published::TITLE, DIM);
    for references in found {
        let engine = references.published.engine.as_str();
        let mut names = vec![engine.to_owned()];
        names.extend(own_names.iter().map(|&it| it.to_owned()));
        let mut rows: Vec<_> = references.own_epoch_s.iter().collect();
        for (machine, times) in &references.epoch_s {
            names.push((*machine).to_owned());
            rows.push(times);
        }
        let machines = Table::text("", 0, names);
        let sizes = (1usize..).zip(&references.batch_size);
        let sizes = sizes.map(|(nth, size)| {
            let times = rows.iter().map(|it| three_digits(it[nth - 1]));
            let cells = [format!("batch {}", grouped(*size))]
                .into_iter()
                .chain(times);
            Table::number("", nth as u8, cells.collect())
        });
        let columns = [machines].into_iter().chain(sizes).collect();
        let table = Table::fitting(columns, block.width());
        for place in 0..=rows.len() {
            let paint = if place == 0 { DIM } else { PLAIN };
            block.row(&table.row(place), paint);
        }
        block.paragraph(0, &references.note(), DIM);
    }
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
            let whole = line.overhead_s + line.s_per_unit * sweep.axis.x(point);
            format!("{:.0} %", 100.0 * line.overhead_s / whole)
        })
    };
    let stays = match sweep.axis {
        Axis::Threads => "not shared",
        Axis::BatchSize | Axis::Width => "overhead",
    };
    let columns = vec![
        Table::number(
            sweep.axis.name(),
            0,
            cells(&|it| grouped(sweep.axis.value(it))),
        ),
        Table::number("step", 1, cells(&|it| duration(it.median_s()))),
        Table::number("95 % interval", 5, cells(&interval)),
        Table::number(
            "samples/s",
            2,
            cells(&|it| grouped(it.samples_per_s().round() as u64)),
        ),
        Table::number(stays, 3, cells(&overhead)),
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

/// What follows from a sweep.
pub fn remarks(sweep: &Sweep) -> Vec<Remark> {
    let mut said = Vec::new();
    if let Some(line) = sweep.line() {
        let [first, second] = of_line(sweep.axis, &line);
        said.push(Remark::new(Tone::Headline, first));
        said.push(Remark::new(Tone::Plain, second));
    } else {
        let text = "Too few points or rounds to tell overhead and throughput apart.";
        said.push(Remark::new(Tone::Plain, text));
    }
    if let Some(condition) = sweep.condition() {
        let tone = match condition {
            Condition::Clean => Tone::Note,
            _ => Tone::Warning,
        };
        said.push(Remark::new(tone, format!("Machine: {condition}.")));
    }
    for point in &sweep.points {
        if point.gate.verdict == GateVerdict::Failed {
            let what = point.gate.what.as_deref().unwrap_or("no reason");
            let place = sweep.axis.label(point);
            said.push(Remark::new(Tone::Bad, format!("{place}: failed: {what}")));
        }
    }
    said
}

/// What stays of a step, what grows with the axis, and where they are equal.
fn of_line(axis: Axis, line: &Line) -> [String; 2] {
    let stays = format!(
        "{}{}",
        duration(line.overhead_s),
        interval(line.overhead_ci95_s)
    );
    let half = line.overhead_s / line.s_per_unit;
    let has_half = half.is_finite() && half > 0.0;
    match axis {
        Axis::BatchSize => {
            let sample = duration(line.s_per_unit);
            let sample_interval = interval(line.per_unit_ci95_s);
            let where_half = match has_half && half >= 1.0 {
                true => format!(
                    "Overhead is half of a step at batch {}, and a tenth at batch {}.",
                    grouped(half.round() as u64),
                    grouped((9.0 * half).round() as u64)
                ),
                false => "Overhead is less than half of a step with any batch.".into(),
            };
            [
                format!("A step takes {stays} plus {sample}{sample_interval} per sample."),
                where_half,
            ]
        }
        Axis::Width => {
            let speed = |s_per_flop: f64| three_digits(1e-9 / s_per_flop);
            let speeds = line
                .per_unit_ci95_s
                .map_or_else(String::new, |[low, high]| {
                    format!(" (95 %: {} to {})", speed(high), speed(low))
                });
            let where_half = match has_half {
                true => format!(
                    "Overhead is half of a step at {}, and a tenth at {}.",
                    axis.place(half),
                    axis.place(9.0 * half)
                ),
                false => "There is no overhead that this sweep could show.".into(),
            };
            [
                format!(
                    "A step takes {stays}, and its operations are done at {} GFLOP/s{speeds}.",
                    speed(line.s_per_unit)
                ),
                where_half,
            ]
        }
        Axis::Threads => {
            let shared = duration(line.s_per_unit);
            let shared_interval = interval(line.per_unit_ci95_s);
            let limit = match has_half {
                true => format!(
                    "However many threads: at most {} times as fast as one.",
                    three_digits(1.0 + 1.0 / half)
                ),
                false => "All of the step is shared by these threads.".into(),
            };
            [
                format!(
                    "A step takes {stays} that threads do not share, and {shared}{shared_interval} \
                         divided by their number."
                ),
                limit,
            ]
        }
    }
}

fn interval(ends: Option<[f64; 2]>) -> String {
    ends.map_or_else(String::new, |[low, high]| {
        format!(" (95 %: {} to {})", duration(low), duration(high))
    })
}

/// Two sweeps, called by these names, as a block of text.
pub fn crossing(found: &Crossing, names: [&str; 2], style: Style) -> String {
    let mut block = Block::new(style);
    block.paragraph(0, &crossing_sentence(found, names), BOLD);
    for meeting in [found.small, found.large] {
        let [low, high] = meeting.ci95.map(three_digits);
        let text = format!(
            "At {}, {} takes {} times as long as {} (95 %: {low} to {high}).",
            found.axis.place(meeting.x),
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
        block.paragraph(0, &format!("Compared anyway: {reason}."), WARNING);
    }
    block.finish()
}

/// Which of two sweeps, called by these names, is faster where.
pub fn crossing_sentence(found: &Crossing, names: [&str; 2]) -> String {
    let name = |lead: Lead| match lead {
        Lead::First => Some(names[0]),
        Lead::Second => Some(names[1]),
        Lead::Neither => None,
    };
    let [small, large] = [found.small.x, found.large.x].map(|x| found.axis.place(x));
    match (
        name(found.small.lead()),
        name(found.large.lead()),
        &found.turn,
    ) {
        (None, None, _) => "The two cannot be told apart.".into(),
        (Some(one), Some(_), None) => format!(
            "{one} is faster from {small} to {}.",
            found.axis.bare(found.large.x)
        ),
        (Some(one), Some(other), Some(turn)) => {
            let at = found.axis.place(turn.x);
            let interval = match turn.ci95 {
                Some([low, high]) if high.is_finite() => format!(
                    " (95 %: {} to {})",
                    found.axis.bare(low),
                    found.axis.bare(high)
                ),
                _ => String::new(),
            };
            format!("Below {at}{interval} {one} is faster, above it {other}.")
        }
        (Some(one), None, _) => {
            format!("{one} is faster at {small}; at {large} the two cannot be told apart.")
        }
        (None, Some(one), _) => {
            format!("{one} is faster at {large}; at {small} the two cannot be told apart.")
        }
    }
}
