//! A process group, named by the child that leads it.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use super::Output;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct ProcessGroup(Pid);

impl ProcessGroup {
    /// Has the command start a group.
    pub(crate) fn prepare(command: &mut Command, _: Output) {
        // Ctrl-C is for laptime, which then ends its children in its own time.
        command.process_group(0);
    }

    /// The group of a child that was prepared.
    pub(crate) fn of(child: &Child) -> io::Result<Self> {
        let id = i32::try_from(child.id()).map_err(io::Error::other)?;
        Ok(Self(Pid::from_raw(id)))
    }

    /// Ends all that is left of it.
    pub(crate) fn kill(&self) {
        let _ = killpg(self.0, Signal::SIGKILL);
    }
}
