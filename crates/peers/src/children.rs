//! The processes that this program has started, each in a group of its own with all that it starts
//! itself. They end with what owns them, and all at once where a signal ends the program.

use std::{
    io,
    process::{Child, Command, ExitStatus},
    sync::{Mutex, MutexGuard, PoisonError},
};

static CHILDREN: Mutex<Children> = Mutex::new(Children {
    groups: Vec::new(),
    have_ended: false,
});

struct Children {
    groups: Vec<u32>,
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
    for group in &children.groups {
        kill_group(*group);
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
}

impl Group {
    /// Starts a child.
    ///
    /// # Errors
    /// Where it cannot be started, or all children were ended.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // Ctrl-C is for laptime, which then ends its children in its own time.
            command.process_group(0);
        }
        // Locked until it is listed, so that none is missed.
        let mut children = children();
        if children.have_ended {
            return Err(io::Error::other("interrupted"));
        }
        let child = command.spawn()?;
        children.groups.push(child.id());
        Ok(Self { child })
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
        children().groups.retain(|group| *group != id);
        // The group outlives the child while any other process of it is left.
        kill_group(id);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill_group(id: u32) {
    #[cfg(unix)]
    {
        use nix::{
            sys::signal::{Signal, killpg},
            unistd::Pid,
        };
        if let Ok(id) = i32::try_from(id) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
    #[cfg(not(unix))]
    let _ = id;
}
