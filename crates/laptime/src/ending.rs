//! The end of a program that somebody has asked to end: nothing that it has started or half written is
//! left.

use std::process::exit;

use laptime_peers::{end_children, remove_folders};
use laptime_workload::atomic_file::abandon_all;

use crate::{
    failure::INTERRUPTED,
    output::{say, stderr_is_terminal},
    screen,
};

/// Ends the program. Until it has ended, whoever asks a child or a peer waits, so that nobody reports how
/// they ended.
pub fn end(told: &str) -> ! {
    screen::leave();
    let _children = end_children();
    remove_folders();
    abandon_all();
    // Behind what the terminal shows of progress and of the keys.
    let newline = if stderr_is_terminal() { "\n" } else { "" };
    say(&format!("{newline}{told}"));
    exit(INTERRUPTED.into());
}
