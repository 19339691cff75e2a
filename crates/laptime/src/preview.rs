//! The result of the first run, on the terminal, as long as it is repeated: who asks for a time has one within
//! seconds.

use std::io::{self, Write};

use laptime_results::{Record, render};
use terminal_size::{Height, terminal_size};

use crate::output;

/// A block on the terminal that gives way to the final one.
pub struct Preview {
    lines: usize,
}

impl Preview {
    /// Shows the block of the first run; nothing where the terminal is too low to take it back.
    pub fn show(record: &Record) -> Option<Self> {
        let block = render(record, output::style(&io::stderr()));
        let lines = block.lines().count() + 2;
        let (_, Height(rows)) = terminal_size()?;
        if lines + 1 >= rows.into() {
            return None;
        }
        output::say_block(&block);
        output::say("\nThat is the first, cold run; it is repeated for a median and its interval.");
        Some(Self { lines })
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        // Up to its first line, and away with all below.
        let _ = write!(io::stderr(), "\r\x1b[{}A\x1b[J", self.lines);
        let _ = io::stderr().flush();
    }
}
