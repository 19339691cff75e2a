//! The table at the end of a suite.

use super::{
    BOLD, Block, DIM, GOOD, PLAIN, Style, WARNING, bottleneck::bound_word, parts as joined,
    table::Table, times, trained_by,
};
use crate::{
    Record,
    number::{beside_total, counted, grouped},
    suite::{SUITE, SuitePart, mean, parts},
    summary::counted as counted_runs,
};

/// The records of a suite as a table, and their mean.
pub fn suite(records: &[Record], style: Style) -> String {
    let mut block = Block::new(style);
    let title = format!(
        "{} · {}",
        SUITE.name,
        counted(records.len() as u64, "workload")
    );
    block.paragraph(0, &title, BOLD);
    if let Some(record) = records.first() {
        block.paragraph(0, &joined(&trained_by(&record.engine, &record.device)), DIM);
    }
    block.blank();
    let all = parts(records);
    table(&mut block, &all);
    for part in &all {
        notes(&mut block, part);
    }
    let has_part = |it: &&Record| all.iter().any(|part| std::ptr::eq(part.record, *it));
    for record in records.iter().filter(|it| !has_part(it)) {
        let samples = record.runs.iter().map(|run| run.trained_samples()).max();
        let text = format!(
            "{}: ended after {} of {} samples, so it has no total",
            record.workload.name,
            grouped(samples.unwrap_or(0)),
            grouped(record.workload.epochs * record.epoch_samples())
        );
        block.paragraph(2, &text, WARNING);
    }
    block.blank();
    match mean(records) {
        Ok(mean) => {
            let interval = mean.ci95.map_or_else(String::new, |[low, high]| {
                format!(" (95 %: {low:.2} to {high:.2})")
            });
            let text = format!(
                "{} the speed of the {} on average{interval}: the geometric mean of the {} ratios. Means of \
                 other versions of the suite do not compare.",
                times(mean.ratio),
                all.first()
                    .map_or(SUITE.reference, |it| &it.reference.machine),
                all.len()
            );
            block.paragraph(2, &text, GOOD);
        }
        Err(why) => block.paragraph(2, &format!("No mean: {why}."), WARNING),
    }
    block.finish()
}

fn table(block: &mut Block, all: &[SuitePart]) {
    let cells = |value: &dyn Fn(&SuitePart) -> String| all.iter().map(value).collect::<Vec<_>>();
    let columns = vec![
        Table::text("workload", 0, cells(&|it| it.record.workload.name.clone())),
        Table::number("total s", 0, cells(&|it| seconds(it.total_s.median))),
        Table::text("95 % interval", 2, cells(&interval)),
        Table::number("× reference", 1, cells(&|it| times(it.ratio))),
        Table::text("bound by", 3, cells(&|it| bound(it.record))),
        Table::text("gate", 4, cells(&|it| it.record.gate.to_string())),
    ];
    let table = Table::fitting(columns, block.width() - 2);
    let [head, _] = table.head();
    block.row(&format!("  {head}"), DIM);
    for place in 0..all.len() {
        block.row(&format!("  {}", table.row(place)), PLAIN);
    }
}

/// A total, with as many digits as it is worth.
pub(super) fn seconds(time_s: f64) -> String {
    beside_total(time_s, time_s)
}

fn interval(part: &SuitePart) -> String {
    part.total_s.ci95.map_or_else(
        || "none".into(),
        |[low, high]| format!("{} to {}", seconds(low), seconds(high)),
    )
}

fn bound(record: &Record) -> String {
    let found = record.summary.bottleneck.as_ref();
    found.map_or_else(String::new, bound_word)
}

/// What qualifies a part's time.
fn notes(block: &mut Block, part: &SuitePart) {
    let record = part.record;
    let name = &record.workload.name;
    if part.is_extrapolated {
        let runs = counted_runs(&record.runs);
        let steps = runs.iter().map(|run| {
            run.trained_samples()
                .div_ceil(record.workload.batch_size.max(1))
        });
        let text = format!(
            "{name}: {} extrapolated from {} in {}",
            counted(record.workload.epochs, "epoch"),
            counted(steps.sum(), "step"),
            counted(runs.len() as u64, "run"),
        );
        block.paragraph(2, &text, DIM);
    }
    let text = format!(
        "{name}: reference {} s, one run, {}",
        part.reference.total_s, part.reference.machine
    );
    block.paragraph(2, &text, DIM);
    if let Some(conditions) = &record.summary.conditions
        && conditions.disturbed + conditions.throttled > 0
    {
        let bad = conditions.disturbed + conditions.throttled;
        let text = format!(
            "{name}: {bad} of {} runs {}",
            conditions.runs, conditions.worst
        );
        block.paragraph(2, &text, WARNING);
    }
}
