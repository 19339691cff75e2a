//! The rules about how a process ends.

use std::time::Duration;

use super::{
    Outcome,
    asked::{Checked, text},
};
use crate::{
    process::PeerProcess,
    program::ProgramEngine,
    protocol::{Command, Event},
};

/// How long a program may take to end behind its input.
const END: Duration = Duration::from_secs(10);

/// A rule about a process of its own.
pub(super) fn ends(engine: &ProgramEngine, rule: fn(PeerProcess) -> Checked) -> Outcome {
    let mut process = match engine.start(1) {
        Ok(process) => process,
        Err(_) => return Outcome::NotReached,
    };
    if engine.hello(&mut process).is_err() {
        return Outcome::NotReached;
    }
    match rule(process) {
        Ok(()) => Outcome::Passed,
        Err((sent, found)) => Outcome::Failed { sent, found },
    }
}

pub(super) fn unknown_command(mut process: PeerProcess) -> Checked {
    let sent = text(&Command::Nonsense);
    let found = match process.send(&Command::Nonsense) {
        Ok(()) => process.wait_raw(),
        Err(error) => Err(error),
    };
    match found {
        Ok(Event::Error { message, .. }) if !message.is_empty() => {}
        Ok(other) => return Err((sent, format!("{other:?}"))),
        Err(error) => return Err((sent, error.to_string())),
    }
    match process.ends_with_input(END) {
        true => Ok(()),
        false => Err((sent, "the process goes on".into())),
    }
}

pub(super) fn end_of_input(process: PeerProcess) -> Checked {
    match process.ends_with_input(END) {
        true => Ok(()),
        false => Err(("nothing, and closed the input".into(), "it goes on".into())),
    }
}
