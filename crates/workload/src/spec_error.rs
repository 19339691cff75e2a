//! What is wrong with a spec, where, and what to do about it.

use std::{fmt, ops::Range};

use thiserror::Error;

use crate::{shown::is_unseen, suggest::shortened};

/// What is wrong with a spec or with an option that overrides it: as much as was found at once, in the
/// order of the file. Each fault as text: the place, the problem, the line with a caret under it, the
/// advice.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct SpecError {
    /// Empty only where [`Faults`] has another error for the same.
    faults: Vec<Fault>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    place: String,
    problem: String,
    excerpt: Option<Excerpt>,
    advice: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    line_number: usize,
    line: String,
    caret_at: usize,
    carets: usize,
}

impl SpecError {
    /// An error in an option of the command line.
    pub(crate) fn option(option: &str, value: impl fmt::Display, problem: Problem) -> Self {
        Self::without_excerpt(format!("{option} {value}"), problem)
    }

    /// An error about a whole file.
    pub(crate) fn file(file_name: &str, problem: Problem) -> Self {
        Self::without_excerpt(file_name.to_owned(), problem)
    }

    /// What another error tells already.
    pub(crate) fn told() -> Self {
        Self { faults: Vec::new() }
    }

    fn without_excerpt(place: String, problem: Problem) -> Self {
        let fault = Fault {
            place,
            problem: problem.what,
            excerpt: None,
            advice: problem.advice,
        };
        Self {
            faults: vec![fault],
        }
    }
}

/// All that is found to be wrong while a spec is read, so that nobody mends one key an attempt.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Nobody reads more, and each costs a look at the whole text.
    pub(crate) const MOST: usize = 20;

    pub(crate) fn add(&mut self, error: SpecError) {
        self.0.extend(error.faults);
    }

    /// What was read, or nothing where it was wrong.
    pub(crate) fn note<T>(&mut self, read: Result<T, SpecError>) -> Option<T> {
        read.map_err(|error| self.add(error)).ok()
    }

    /// Whether it is time to stop.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= Self::MOST
    }

    /// An error, if anything was noted.
    pub(crate) fn result(mut self) -> Result<(), SpecError> {
        self.0.truncate(Self::MOST);
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(SpecError { faults: self.0 }),
        }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{fault}")?;
        }
        if self.faults.len() == Faults::MOST {
            write!(
                f,
                "\nthere may be more; these are the first {}",
                Faults::MOST
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)?;
        if let Some(excerpt) = &self.excerpt {
            let number = excerpt.line_number.to_string();
            let margin = " ".repeat(number.len());
            let caret_at = excerpt.caret_at;
            write!(f, "\n{margin} |\n{number} | {}", excerpt.line)?;
            let carets = "^".repeat(excerpt.carets);
            write!(f, "\n{margin} | {:caret_at$}{carets}", "")?;
            if !self.advice.is_empty() {
                write!(f, "\n{margin} = {}", self.advice)?;
            }
        } else if !self.advice.is_empty() {
            write!(f, "; {}", self.advice)?;
        }
        Ok(())
    }
}

/// What is wrong and what to do, before it is known where.
#[derive(Debug)]
pub(crate) struct Problem {
    what: String,
    advice: String,
}

impl Problem {
    pub(crate) fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            advice: advice.into(),
        }
    }
}

/// A spec's text with the name of its file.
#[derive(Debug, Clone)]
pub(crate) struct SourceText {
    pub(crate) file_name: String,
    pub(crate) text: String,
}

impl SourceText {
    /// An error at these bytes of the text.
    pub(crate) fn error(&self, span: Range<usize>, problem: Problem) -> SpecError {
        let start = self.boundary(span.start);
        let end = self.boundary(span.end).max(start);
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = self.text[start..]
            .find('\n')
            .map_or(self.text.len(), |length| start + length);
        // A line of Windows ends in \r\n.
        let line_end = match self.text[..line_end].strip_suffix('\r') {
            Some(line) => line.len().max(start),
            None => line_end,
        };
        let line_number = before.matches('\n').count() + 1;
        let column = self.text[line_start..start].chars().count();
        let marked = self.text[start..end.min(line_end)].chars().count();
        // Only a window of a very long line is shown.
        let skipped = column.saturating_sub(WINDOW_BEFORE);
        let line: String = self.text[line_start..line_end]
            .chars()
            .skip(skipped)
            .take(WINDOW)
            .map(printable)
            .collect();
        let caret_at = column - skipped;
        let carets = marked.min(WINDOW - caret_at).max(1);
        let fault = Fault {
            place: format!("{}:{line_number}:{}", self.file_name, column + 1),
            problem: problem.what,
            excerpt: Some(Excerpt {
                line_number,
                line: line.trim_end().to_owned(),
                caret_at,
                carets,
            }),
            advice: problem.advice,
        };
        SpecError {
            faults: vec![fault],
        }
    }

    /// The last place up to `byte` at which the text can be cut.
    fn boundary(&self, byte: usize) -> usize {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    }
}

/// Characters of a line that are shown, and how many of them before the marked place.
const WINDOW: usize = 120;
const WINDOW_BEFORE: usize = 80;

/// One column for every character, and nothing that could steer a terminal.
fn printable(character: char) -> char {
    match character {
        '\t' => ' ',
        character if is_unseen(character) => '\u{fffd}',
        character => character,
    }
}

/// What somebody wrote, quoted for a message.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str, span: Range<usize>) -> String {
        let source = SourceText {
            file_name: "a.toml".into(),
            text: text.into(),
        };
        let problem = Problem::new("wrong", "do right");
        source.error(span, problem).to_string()
    }

    #[test]
    fn an_error_shows_its_line_with_a_caret_under_the_place() {
        assert_eq!(
            error("a = 1\nbc = 23\n", 11..13),
            "a.toml:2:6: wrong\n  |\n2 | bc = 23\n  |      ^^\n  = do right"
        );
    }

    #[test]
    fn a_line_of_windows_is_shown_without_its_end() {
        assert_eq!(
            error("a = 1\r\nbc = 23\r\n", 12..14),
            "a.toml:2:6: wrong\n  |\n2 | bc = 23\n  |      ^^\n  = do right"
        );
    }

    #[test]
    fn any_span_of_any_text_gives_an_error_that_can_be_shown() {
        let long = "é".repeat(500);
        for text in ["", "\n", "é", "a\u{1b}[31m\u{202e}\tb\r\n", long.as_str()] {
            for start in 0..text.len() + 2 {
                for end in [0, start, start + 1, text.len() + 9] {
                    let message = error(text, start..end);
                    assert!(!message.contains(['\u{1b}', '\u{202e}']), "{message}");
                }
            }
        }
    }
}
