//! The processes that this program has started, each in a group of its own with all that it starts
//! itself. They end with what owns them, and all at once where a signal ends the program.

use std::{
    io,
    process::{Child, Command, ExitStatus},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::process_group::{Output, ProcessGroup};

static CHILDREN: Mutex<Children> = Mutex::new(Children {
    groups: Vec::new(),
    have_ended: false,
});

struct Children {
    /// Each with the number of the child that it began with.
    groups: Vec<(u32, ProcessGroup)>,
    have_ended: bool,
}

/// As long as this lives, whoever has lost a child waits, so that nobody reports the loss of what was
/// ended on purpose.
pub struct Ended {
    _children: MutexGuard<'static, Children>,
}

fn children() -> MutexGuard<'static, Children> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends all children with all that they have started, stopped ones too. No other starts from now on.
pub fn end_children() -> Ended {
    let mut children = children();
    children.have_ended = true;
    for (_, group) in &children.groups {
        group.kill();
    }
    Ended {
        _children: children,
    }
}

/// Whether the children were ended by `end_children`.
pub fn have_ended() -> bool {
    children().have_ended
}

/// A child that ends, with all that it has started, when this is dropped.
#[derive(Debug)]
pub struct Group {
    /// Itself; to be waited for here, not there.
    pub child: Child,
    group: ProcessGroup,
}

impl Group {
    /// Starts a child that writes to files and pipes alone.
    ///
    /// # Errors
    /// Where it cannot be started, or all children were ended.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        Self::start(command, Output::Caught)
    }

    /// Starts a child that may write to our terminal.
    pub(crate) fn spawn_shown(command: &mut Command) -> io::Result<Self> {
        Self::start(command, Output::Shown)
    }

    fn start(command: &mut Command, output: Output) -> io::Result<Self> {
        ProcessGroup::prepare(command, output);
        // Locked until it is listed, so that none is missed.
        let mut children = children();
        if children.have_ended {
            return Err(io::Error::other("interrupted"));
        }
        let mut child = command.spawn()?;
        let group = ProcessGroup::of(&child).inspect_err(|_| {
            let _ = child.kill();
            let _ = child.wait();
        })?;
        children.groups.push((child.id(), group.clone()));
        Ok(Self { child, group })
    }

    /// Waits for the end of the child itself.
    ///
    /// # Errors
    /// As of [`Child::wait`].
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait();
        drop(children());
        status
    }

    /// The child's status, if it has ended.
    pub(crate) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        drop(children());
        self.child.try_wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let id = self.child.id();
        children().groups.retain(|(other, _)| *other != id);
        // The group outlives the child while any other process of it is left.
        self.group.kill();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
