//! The signals that ask a program to end: which of them are heard, and by whom.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{call, have_large_files_fail};
#[cfg(windows)]
pub use windows::call;

/// Windows has no limit of a file's size.
#[cfg(windows)]
pub fn have_large_files_fail() {}
