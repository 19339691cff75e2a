//! The examples at the end of a verb's help.

use std::fmt::Write;

use clap::builder::{StyledStr, Styles};

/// The column at which what an example does is said; that of a longer command is on the next line.
const SAID_AT: usize = 42;

/// Commands and what each does, under a heading that looks like those of clap.
pub fn examples(all: &[(&str, &str)]) -> StyledStr {
    let styles = Styles::default();
    let header = styles.get_header();
    let mut text = format!("{header}Examples:{header:#}");
    for (command, does) in all {
        let _ = write!(text, "\n  {command}");
        match 2 + command.chars().count() {
            _ if does.is_empty() => {}
            at if at + 2 <= SAID_AT => text += &(" ".repeat(SAID_AT - at) + does),
            _ => text += &format!("\n{}{does}", " ".repeat(SAID_AT)),
        }
    }
    text.into()
}
