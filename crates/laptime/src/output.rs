//! What goes to standard output and standard error, and how.
//!
//! Nobody else writes there, so that no text of others is obeyed by the terminal: here it is escaped,
//! but for the blocks and the exports of `laptime-results`, which come escaped in their own ways.

use std::{
    borrow::Cow,
    env,
    io::{self, ErrorKind, IsTerminal, Write},
    path::Path,
    sync::OnceLock,
};

use clap::{ColorChoice, error::ContextValue};
use laptime_results::Style;
use laptime_workload::{escaped, escaped_lines};
use terminal_size::{Width, terminal_size};

use crate::{
    ascii::{ascii, has_utf8},
    failure::Failure,
    screen,
    wrap::wrapped,
};

/// Writes a result to standard output. A reader that has gone (`laptime … | head`) has seen what
/// it wanted; that is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    print_block(&escaped_lines(text))
}

/// Writes a result to standard output, and wraps its lines where that is a terminal, or COLUMNS says how wide
/// one is: what a program reads keeps its lines.
pub fn print_wrapped(text: &str) -> Result<(), Failure> {
    match room() {
        Some(columns) => print(&wrapped(text, columns)),
        None => print(text),
    }
}

/// Writes a block of `laptime-results` to standard output, with its colours.
pub fn print_block(block: &str) -> Result<(), Failure> {
    print_bytes(shown_on(&io::stdout(), block).as_bytes())
}

/// Writes an export to standard output as it is.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    flush(io::stdout().write_all(bytes))
}

/// Writes what clap has to say: help and versions to standard output, mistakes to standard error.
pub fn print_clap(said: clap::Error) -> Result<(), Failure> {
    flush(shown(said).print())
}

/// The same mistake with the user's words escaped.
fn shown(mut said: clap::Error) -> clap::Error {
    let context: Vec<_> = said
        .context()
        .map(|(kind, value)| (kind, value.clone()))
        .collect();
    let mut is_hostile = false;
    let mut one_line = |text: &str| {
        let line = escaped(text).into_owned();
        is_hostile |= line != text;
        line
    };
    for (kind, value) in &context {
        let value = match value {
            ContextValue::String(text) => ContextValue::String(one_line(text)),
            ContextValue::Strings(texts) => {
                ContextValue::Strings(texts.iter().map(|text| one_line(text)).collect())
            }
            _ => continue,
        };
        said.insert(*kind, value);
    }
    // A suggestion has the same words between clap's own colours.
    for (kind, value) in context {
        if is_hostile && matches!(value, ContextValue::StyledStrs(_)) {
            said.remove(kind);
        }
    }
    said
}

/// What is left of having written to standard output.
fn flush(written: io::Result<()>) -> Result<(), Failure> {
    match written.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Failed(format!(
            "standard output: cannot be written: {error}; is the disk full, or the other end closed?"
        ))),
        _ => Ok(()),
    }
}

/// Whether a path of the command line means standard input or output.
pub fn is_standard_stream(path: &Path) -> bool {
    path == Path::new("-")
}

/// Tells why the program fails.
pub fn error(failure: &Failure) {
    match failure {
        Failure::Interrupted(_) => say(&failure.to_string()),
        Failure::Usage(_) | Failure::Failed(_) => say(&format!("error: {failure}")),
    }
}

/// Tells what the user would not expect.
pub fn warning(text: &str) {
    say(&format!("warning: {text}"));
}

/// Writes a message to standard error; where nobody can hear it, there is nobody to tell.
pub fn say(text: &str) {
    let text = message(text);
    let line = format!("{}\n", shown_on(&io::stderr(), &text));
    if let Some(line) = screen::hold(line) {
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

/// Writes a block of `laptime-results` to standard error, with its colours.
pub fn say_block(block: &str) {
    let _ = io::stderr().write_all(shown_on(&io::stderr(), block).as_bytes());
}

/// A text as a stream shows it: a terminal without UTF-8 in ASCII. Files always have UTF-8.
pub fn shown_on<'a>(stream: &impl IsTerminal, text: &'a str) -> Cow<'a, str> {
    match has_utf8() || !stream.is_terminal() {
        true => Cow::Borrowed(text),
        false => ascii(text),
    }
}

/// A message as a terminal shows it. What others wrote may have lines; only the first line of a
/// message begins at the margin, so that none of them looks like another message.
fn message(text: &str) -> String {
    let text = escaped_lines(text);
    let lines = text.trim_start_matches('\n');
    let before = &text[..text.len() - lines.len()];
    before.to_owned() + &lines.replace('\n', "\n  ")
}

/// Whether standard error is a terminal that a line can be redrawn on.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The columns of the terminal.
pub fn width() -> usize {
    terminal_size().map_or(80, |(Width(width), _)| width.into())
}

/// What --color says, which does not change.
static COLOUR: OnceLock<ColorChoice> = OnceLock::new();

/// From now on colours are used as --color says.
pub fn use_colour(choice: ColorChoice) {
    // Called once; a second call would change nothing.
    let _ = COLOUR.set(choice);
}

/// How a block on a stream is shown: as wide as COLUMNS says, or else the terminal, and in colour
/// as --color says: left to itself, only on a terminal and where NO_COLOR (no-color.org) does not forbid it.
pub fn style(stream: &impl IsTerminal) -> Style {
    let forbidden = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || env::var_os("TERM").is_some_and(|term| term == "dumb");
    Style {
        width: stated_columns().unwrap_or_else(width),
        colour: match COLOUR.get().unwrap_or(&ColorChoice::Auto) {
            ColorChoice::Auto => stream.is_terminal() && !forbidden,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        },
    }
}

/// The columns of standard output: nothing where it is no terminal and COLUMNS does not say them.
pub fn room() -> Option<usize> {
    stated_columns().or_else(|| io::stdout().is_terminal().then(width))
}

fn stated_columns() -> Option<usize> {
    env::var("COLUMNS").ok().and_then(|text| columns(&text))
}

/// The columns that a variable states. 0 is what some programs set where they do not know.
fn columns(stated: &str) -> Option<usize> {
    stated.parse().ok().filter(|&columns| columns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_of_a_message_begins_at_the_margin() {
        for (text, shown) in [
            ("stored as r.json", "stored as r.json"),
            ("jax failed:\nerror: forged", "jax failed:\n  error: forged"),
            ("\ninterrupted", "\ninterrupted"),
            ("red \u{1b}[31m\r", "red \\x1b[31m\\r"),
            ("", ""),
        ] {
            assert_eq!(message(text), shown);
        }
    }

    #[test]
    fn columns_that_make_no_sense_are_not_stated() {
        for (stated, expected) in [("40", Some(40)), ("0", None), ("", None), ("-1", None)] {
            assert_eq!(columns(stated), expected, "{stated:?}");
        }
    }
}
