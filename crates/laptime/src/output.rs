//! What goes to standard output and standard error, and how.

use std::{
    env, fs,
    io::{self, ErrorKind, IsTerminal, Write},
    path::Path,
};

use laptime_results::Style;
use terminal_size::{Width, terminal_size};

use crate::failure::Failure;

/// Writes a result to standard output. A reader that has gone (`laptime … | head`) has seen what
/// it wanted; that is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    flush(io::stdout().write_all(text.as_bytes()))
}

/// Writes what clap has to say: help and versions to standard output, mistakes to standard error.
pub fn print_clap(said: &clap::Error) -> Result<(), Failure> {
    flush(said.print())
}

/// What is left of having written to standard output.
fn flush(written: io::Result<()>) -> Result<(), Failure> {
    match written.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Failed(format!(
            "standard output: cannot be written: {error}; check where it leads"
        ))),
        _ => Ok(()),
    }
}

/// Writes a result to a file, or to standard output where the path is `-`.
pub fn export(option: &str, path: &Path, text: &str) -> Result<(), Failure> {
    if is_standard_stream(path) {
        return print(text);
    }
    fs::write(path, text).map_err(|error| unwritable(option, path, &error))
}

/// Whether a path of the command line means standard input or output.
pub fn is_standard_stream(path: &Path) -> bool {
    path == Path::new("-")
}

/// A file of the command line cannot be written.
pub fn unwritable(option: &str, path: &Path, error: &impl std::fmt::Display) -> Failure {
    Failure::Failed(format!(
        "{option} {}: cannot be written: {error}; give a path that can",
        path.display()
    ))
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

/// Writes a line to standard error; where nobody can hear it, there is nobody to tell.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Whether standard error is a terminal that a line can be redrawn on.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The columns of the terminal.
pub fn width() -> usize {
    terminal_size().map_or(80, |(Width(width), _)| width.into())
}

/// How a block on a stream is shown: as wide as COLUMNS says, or else the terminal, and in colour
/// only on a terminal and where NO_COLOR (no-color.org) does not forbid it.
pub fn style(stream: &impl IsTerminal) -> Style {
    let stated = env::var("COLUMNS").ok().and_then(|text| columns(&text));
    let forbidden = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || env::var_os("TERM").is_some_and(|term| term == "dumb");
    Style {
        width: stated.unwrap_or_else(width),
        colour: stream.is_terminal() && !forbidden,
    }
}

/// The columns that a variable states. 0 is what some programs set where they do not know.
fn columns(stated: &str) -> Option<usize> {
    stated.parse().ok().filter(|&columns| columns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_make_no_sense_are_not_stated() {
        for (stated, expected) in [("40", Some(40)), ("0", None), ("", None), ("-1", None)] {
            assert_eq!(columns(stated), expected, "{stated:?}");
        }
    }
}
