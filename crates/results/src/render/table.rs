//! The columns of a race's table, and which of them a terminal has room for.

use laptime_workload::escaped;

use crate::{
    Measure, Standing, divergence,
    number::{decimals, mebibytes, three_digits},
    render::columns,
};

/// Between two columns.
const GAP: usize = 2;

/// Columns that fit a width; their cells are already text.
pub(crate) struct Table {
    columns: Vec<Column>,
}

pub(crate) struct Column {
    head: [&'static str; 2],
    cells: Vec<String>,
    /// Names are read from the left, numbers from the right.
    is_text: bool,
    /// The column with the greatest goes first where there is no room.
    rank: u8,
}

impl Table {
    /// The table of these engines, of which the first `placed` have a place in the ranking.
    pub(crate) fn of(all: &[&Standing], placed: usize, measure: Measure, width: usize) -> Self {
        let place = |index: usize| match index {
            index if index < placed => (index + 1).to_string(),
            _ => "–".into(),
        };
        let text = |value: &dyn Fn(&Standing) -> String| all.iter().map(|s| value(s)).collect();
        let mut names = column(
            ["   engine", ""],
            0,
            (0..all.len())
                .map(|index| format!("{:<2} {}", place(index), all[index].record.engine.name))
                .collect(),
        );
        names.is_text = true;
        let total = |rank| column(["total", "s"], rank, seconds(all, |s| s.total_s));
        let mut columns = vec![names];
        columns.push(match measure {
            Measure::Total => total(1),
            Measure::Step => {
                let cells = seconds(all, |s| 1e3 * s.step_s);
                column(["step", "ms"], 1, cells)
            }
        });
        let ratio = |s: &Standing| s.ratio.map_or_else(String::new, |r| three_digits(r.ratio));
        let interval = |s: &Standing| {
            s.ratio
                .and_then(|ratio| ratio.ci95)
                .map_or_else(String::new, |[low, high]| {
                    format!("{}–{}", three_digits(low), three_digits(high))
                })
        };
        columns.push(column(["ratio", "×"], 2, text(&ratio)));
        columns.push(column(["95 %", "interval"], 4, text(&interval)));
        columns.push(match measure {
            Measure::Total => column(["epoch", "s"], 3, seconds(all, |s| s.epoch_s)),
            Measure::Step => total(3),
        });
        columns.push(column(["cold", "s"], 6, seconds(all, |s| s.cold_start_s)));
        columns.push(column(["compile", "s"], 8, seconds(all, |s| s.compile_s)));
        let memory = |s: &Standing| s.peak_memory_bytes.map_or_else(String::new, mebibytes);
        columns.push(column(["peak", "MiB"], 7, text(&memory)));
        let accuracy = |s: &Standing| match divergence(s.record) {
            Some(_) => "–".into(),
            None => s
                .test_accuracy
                .map_or_else(String::new, |share| format!("{:.2}", 100.0 * share)),
        };
        columns.push(column(["test", "%"], 5, text(&accuracy)));
        Self { columns }.fitted(width)
    }

    /// A table of these columns, as many of them as a width has room for.
    pub(crate) fn fitting(columns: Vec<Column>, width: usize) -> Self {
        Self { columns }.fitted(width)
    }

    /// A column of names; that with the greatest `rank` goes first where there is no room.
    pub(crate) fn text(head: &'static str, rank: u8, cells: Vec<String>) -> Column {
        let cells = cells.iter().map(|text| cut(&escaped(text))).collect();
        Column {
            is_text: true,
            ..column([head, ""], rank, cells)
        }
    }

    /// A column of numbers.
    pub(crate) fn number(head: &'static str, rank: u8, cells: Vec<String>) -> Column {
        column([head, ""], rank, cells)
    }

    fn fitted(mut self, width: usize) -> Self {
        while self.width() > width && self.columns.len() > 1 {
            let ranks = self.columns.iter().map(|column| column.rank);
            let last = ranks.max();
            self.columns.retain(|column| Some(column.rank) != last);
        }
        self
    }

    fn width(&self) -> usize {
        let widths: usize = self.columns.iter().map(|column| column.width() + GAP).sum();
        widths.saturating_sub(GAP)
    }

    /// The names of the columns and their units.
    pub(crate) fn head(&self) -> [String; 2] {
        [0, 1].map(|line| self.line(|column| column.head[line]))
    }

    /// The row of the engine at this index.
    pub(crate) fn row(&self, index: usize) -> String {
        self.line(|column| &column.cells[index])
    }

    fn line<'a>(&'a self, cell: impl Fn(&'a Column) -> &'a str) -> String {
        let padded = self.columns.iter().map(|column| {
            let (text, width) = (cell(column), column.width());
            if column.is_text {
                format!("{text:<width$}")
            } else {
                format!("{text:>width$}")
            }
        });
        let line: Vec<String> = padded.collect();
        line.join(&" ".repeat(GAP)).trim_end().to_owned()
    }
}

impl Column {
    fn width(&self) -> usize {
        let head = self.head.iter().map(|text| columns(text));
        let cells = self.cells.iter().map(|text| columns(text));
        head.chain(cells).max().unwrap_or(0)
    }
}

fn column(head: [&'static str; 2], rank: u8, cells: Vec<String>) -> Column {
    Column {
        head,
        cells,
        is_text: false,
        rank,
    }
}

/// A cell of others' text may be of any length.
fn cut(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Times with their points below each other: as many digits as the shortest deserves, as far as
/// the longest stays readable.
fn seconds(all: &[&Standing], value: impl Fn(&Standing) -> f64) -> Vec<String> {
    let values: Vec<f64> = all.iter().map(|standing| value(standing)).collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    let places = decimals(least).min(decimals(most) + 1);
    values
        .iter()
        .map(|value| format!("{value:.places$}"))
        .collect()
}
