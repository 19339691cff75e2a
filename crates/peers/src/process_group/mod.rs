//! A child with all that it starts itself, so that all of it can be ended: a process group on Unix, a job
//! object on Windows.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::ProcessGroup;
#[cfg(windows)]
pub(crate) use windows::ProcessGroup;

/// Where a child's own output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// To files and pipes alone.
    Caught,
    /// Some of it to our terminal.
    Shown,
}
