//! Python's modules as programs (`venv`, `pip`) that end with this program, however that ends.

use std::{
    io::{self, Read},
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

use crate::children::Group;

const ENDS_WITH_INPUT: &str = include_str!("../../scripts/ends_with_input.py");

/// What a module has left.
pub(super) struct Done {
    pub(super) status: ExitStatus,
    /// What it said, but for what was shown.
    pub(super) said: String,
}

/// The module as a program; arguments may follow.
pub(super) fn command(python: &Path, module: &str) -> Command {
    let mut command = Command::new(python);
    command.args(["-I", "-c", ENDS_WITH_INPUT, module]);
    command
}

/// Waits for the end of a module, or for its being ended. What it says on standard output is shown on
/// ours for errors, or caught as its errors are.
pub(super) fn run(mut command: Command, shows: bool) -> io::Result<Done> {
    let (mut said, end) = io::pipe()?;
    command
        // The system closes it where this program is killed.
        .stdin(Stdio::piped())
        .stdout(match shows {
            true => Stdio::from(io::stderr()),
            false => Stdio::from(end.try_clone()?),
        })
        .stderr(end);
    let mut group = match shows {
        true => Group::spawn_shown(&mut command)?,
        false => Group::spawn(&mut command)?,
    };
    // It holds the other end of what is read here.
    drop(command);
    // Waiting closes a child's standard input, and then the module would end before it is done.
    let line = group.child.stdin.take();
    let mut bytes = Vec::new();
    said.read_to_end(&mut bytes)?;
    let status = group.wait()?;
    drop(line);
    Ok(Done {
        status,
        said: String::from_utf8_lossy(&bytes).into_owned(),
    })
}
