//! The columns of a profile, and which of them a terminal has room for.

use crate::wrap;

/// What the columns before a name have.
pub const HEADS: [&str; 6] = ["time", "share", "of peak", "GFLOP/s", "bound by", ""];
/// Their columns on the terminal.
const WIDTHS: [usize; 6] = [12, 7, 7, 8, 13, 5];
/// Before each.
const GAP: usize = 2;
/// Which go where there is no room, the first first. The time stays.
const GIVING_WAY: [usize; 5] = [3, 2, 5, 4, 1];

/// How a table fits.
pub struct Layout {
    columns: Option<usize>,
    is_shown: [bool; 6],
}

impl Layout {
    /// For lines with these names: each shall have a quarter of the terminal to itself, if it needs it.
    pub fn of<'a, T: 'a>(
        columns: Option<usize>,
        lines: impl Iterator<Item = &'a (String, T)>,
    ) -> Self {
        let mut layout = Self {
            columns,
            is_shown: [true; 6],
        };
        let longest = lines.map(|(name, _)| name.chars().count()).max();
        if let Some(columns) = columns {
            let name = longest.unwrap_or(0).min(columns / 4);
            for index in GIVING_WAY {
                if layout.name_at() + name > columns {
                    layout.is_shown[index] = false;
                }
            }
        }
        layout
    }

    /// Where names begin.
    fn name_at(&self) -> usize {
        let shown = WIDTHS.iter().zip(self.is_shown).filter(|(_, is)| *is);
        shown.map(|(width, _)| GAP + width).sum::<usize>() + GAP
    }

    /// A line of a table, or several where its name is long.
    pub fn line(&self, cells: [String; 6], name: &str) -> String {
        let mut line = String::new();
        for (index, cell) in cells.iter().enumerate() {
            if self.is_shown[index] {
                let width = WIDTHS[index];
                line += &format!("{:GAP$}{cell:>width$}", "");
            }
        }
        line += &format!("{:GAP$}{name}", "");
        self.broken(&line, self.name_at())
    }

    /// A sentence.
    pub fn paragraph(&self, text: &str) -> String {
        self.broken(text, GAP)
    }

    fn broken(&self, line: &str, below: usize) -> String {
        match self.columns {
            Some(columns) => wrap::lines(line, columns, below).join("\n") + "\n",
            None => format!("{line}\n"),
        }
    }
}
