//! Text in a column of names and a column of values, wrapped and coloured. Nothing in it but its
//! own colours is obeyed by a terminal, whoever wrote the text.

use anstyle::{AnsiColor, Style as Paint};
use laptime_workload::{escaped, escaped_lines};

/// How text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// The columns of the terminal.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
}

pub(crate) const BOLD: Paint = Paint::new().bold();
pub(crate) const DIM: Paint = Paint::new().dimmed();
pub(crate) const PLAIN: Paint = Paint::new();
pub(crate) const GOOD: Paint = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Paint = AnsiColor::Red.on_default().bold();
pub(crate) const WARNING: Paint = AnsiColor::Yellow.on_default().bold();
pub(crate) const BAR: Paint = AnsiColor::Cyan.on_default();

/// Wider lines are hard to read.
const MOST_COLUMNS: usize = 80;
/// Lines of tables may be wider.
const MOST_COLUMNS_OF_TABLE: usize = 160;
/// Narrower ones cannot hold a name and a value.
const FEWEST_COLUMNS: usize = 30;
/// Where values begin: behind the margin, the longest name and a space.
pub(crate) const VALUES_AT: usize = 12;

/// A text while it grows.
pub(crate) struct Block {
    text: String,
    width: usize,
    colour: bool,
}

impl Block {
    pub(crate) fn new(style: Style) -> Self {
        Self {
            text: String::new(),
            width: style.width.clamp(FEWEST_COLUMNS, MOST_COLUMNS),
            colour: style.colour,
        }
    }

    /// A block for tables, whose lines are read across.
    pub(crate) fn wide(style: Style) -> Self {
        Self {
            width: style.width.clamp(FEWEST_COLUMNS, MOST_COLUMNS_OF_TABLE),
            ..Self::new(style)
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Text in the margin, over as many lines as it needs.
    pub(crate) fn paragraph(&mut self, indent: usize, text: &str, paint: Paint) {
        // Only a value has room for lines of others: none of them begins where ours do.
        for line in wrap(&escaped(text), self.width - indent) {
            self.text += &" ".repeat(indent);
            self.paint(&line, paint);
            self.blank();
        }
    }

    /// A name and its value, which goes on below itself where it is long.
    pub(crate) fn entry(&mut self, name: &str, value: &str, paint: Paint) {
        self.pieces(name, &[(value, paint)]);
    }

    /// A name and a value of several pieces: each on the line of the one before where it fits,
    /// and otherwise on lines of its own.
    pub(crate) fn pieces(&mut self, name: &str, pieces: &[(&str, Paint)]) {
        let room = self.width - VALUES_AT;
        self.text += &format!("  {:<1$}", escaped(name), VALUES_AT - 2);
        let mut column = 0;
        for (text, paint) in pieces {
            let text = escaped_lines(text);
            let fits = column == 0 || column + 2 + columns(&text) <= room;
            for (index, line) in wrap(&text, room).iter().enumerate() {
                if column > 0 && index == 0 && fits {
                    self.text += "  ";
                    column += 2;
                } else if column > 0 {
                    self.text += &format!("\n{}", " ".repeat(VALUES_AT));
                    column = 0;
                }
                self.paint(line, *paint);
                column += columns(line);
            }
        }
        self.blank();
    }

    /// A line that is laid out already.
    pub(crate) fn row(&mut self, text: &str, paint: Paint) {
        self.paint(&escaped(text), paint);
        self.blank();
    }

    /// Text in a frame that nobody overlooks.
    pub(crate) fn framed(&mut self, text: &str, paint: Paint) {
        let inner = self.width - 4;
        let edge = "━".repeat(inner + 2);
        let mut lines = vec![format!("┏{edge}┓")];
        for line in wrap(&escaped(text), inner) {
            let rest = " ".repeat(inner.saturating_sub(columns(&line)));
            lines.push(format!("┃ {line}{rest} ┃"));
        }
        lines.push(format!("┗{edge}┛"));
        for line in lines {
            self.paint(&line, paint);
            self.blank();
        }
    }

    fn paint(&mut self, text: &str, paint: Paint) {
        let text = text.replace(UNBROKEN, " ");
        if self.colour && paint != PLAIN {
            self.text += &format!("{paint}{text}{paint:#}");
        } else {
            self.text += &text;
        }
    }
}

/// Parts of a value on one line, which may only be broken between them.
pub(crate) fn parts(parts: &[String]) -> String {
    let whole: Vec<String> = parts
        .iter()
        .map(|part| part.replace(' ', UNBROKEN))
        .collect();
    whole.join(&format!("{UNBROKEN}· "))
}

/// A space at which no line is broken; it is written as a plain one.
const UNBROKEN: &str = "\u{a0}";

/// The columns of a text: one a character, as all that laptime writes takes one. A machine's name
/// in wider characters only makes a line longer.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().count()
}

/// Breaks a text at spaces into lines of at most `width` columns; a longer word is broken too.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && columns(&line) + 1 + columns(word) > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            for character in word.chars() {
                if columns(&line) == width {
                    lines.push(std::mem::take(&mut line).trim_end().to_owned());
                }
                if line.is_empty() && character.is_whitespace() {
                    continue;
                }
                line.push(character);
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_long_words_anywhere() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("a\nb", 9), ["a", "b"]);
        assert_eq!(wrap("one  two", 20), ["one  two"]);
        let text = parts(&["one two".into(), "three four".into()]);
        assert_eq!(wrap(&text, 12), ["one\u{a0}two\u{a0}·", "three\u{a0}four"]);
    }
}
