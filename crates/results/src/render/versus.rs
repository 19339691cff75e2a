//! Two suites against each other, as a block.

use laptime_measure::statistics::Ratio;

use super::{BOLD, Block, DIM, PLAIN, Style, suite::seconds, table::Table};
use crate::suite::{Versus, VersusPart};

/// The workloads as a table, and what may be said on average.
pub fn versus(versus: &Versus, style: Style) -> String {
    let mut block = Block::new(style);
    let [a, b] = &versus.names;
    block.paragraph(0, &format!("A  {a}"), BOLD);
    block.paragraph(0, &format!("B  {b}"), BOLD);
    block.blank();
    let all: Vec<&VersusPart> = versus.workloads.iter().collect();
    let cells = |value: &dyn Fn(&VersusPart) -> String| all.iter().map(|it| value(it)).collect();
    let columns = vec![
        Table::text("workload", 0, cells(&|it| it.workload.clone())),
        Table::number("A s", 1, cells(&|it| seconds(it.totals_s[0]))),
        Table::number("B s", 1, cells(&|it| seconds(it.totals_s[1]))),
        Table::number(
            "A is × as fast",
            0,
            cells(&|it| format!("{:.2}", it.ratio.ratio)),
        ),
        Table::text("95 % interval", 2, cells(&|it| interval(it.ratio))),
    ];
    let table = Table::fitting(columns, block.width() - 2);
    let [head, _] = table.head();
    block.row(&format!("  {head}"), DIM);
    for place in 0..all.len() {
        block.row(&format!("  {}", table.row(place)), PLAIN);
    }
    for part in all.iter().filter(|it| it.is_extrapolated) {
        let text = format!("{}: extrapolated from a part of its steps", part.workload);
        block.paragraph(2, &text, DIM);
    }
    block.blank();
    block.paragraph(0, &sentence(versus), BOLD);
    let note = "the geometric mean of the ratios; measured on different occasions: its interval is widened by an \
                assumed 5 % for each";
    block.paragraph(2, note, DIM);
    block.finish()
}

fn sentence(versus: &Versus) -> String {
    let [a, b] = &versus.names;
    let Ratio { ratio, ci95 } = versus.mean;
    match ci95 {
        Some([low, high]) if low > 1.0 => {
            format!(
                "{a} was measured {ratio:.2}× as fast as {b} on average (95 %: {low:.2} to {high:.2})."
            )
        }
        Some([low, high]) if high < 1.0 => format!(
            "{b} was measured {:.2}× as fast as {a} on average (95 %: {:.2} to {:.2}).",
            1.0 / ratio,
            1.0 / high,
            1.0 / low
        ),
        Some([low, high]) => format!(
            "{a} and {b} cannot be told apart on average: A was measured {ratio:.2}× as fast (95 %: {low:.2} to \
             {high:.2})."
        ),
        None => format!(
            "{a} was measured {ratio:.2}× as fast as {b} on average; too few runs for an interval."
        ),
    }
}

fn interval(ratio: Ratio) -> String {
    ratio.ci95.map_or_else(
        || "none".into(),
        |[low, high]| format!("{low:.2} to {high:.2}"),
    )
}
