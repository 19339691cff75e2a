//! What can go wrong with a download.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::Shown;

/// Why a download failed. What had arrived is kept, and the next try goes on from there, except
/// where it was wrong.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// The server could not be reached, or did not answer in time.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The server answered with something else.
    #[error("the server answered {0}")]
    Status(String),
    /// The server offers a file of another size.
    #[error("the server offers more or fewer than the {expected_bytes} bytes of the official file")]
    WrongSize {
        /// The size of the official file.
        expected_bytes: u64,
    },
    /// The transfer broke off.
    #[error("the transfer broke off after {done_bytes} of {total_bytes} bytes ({reason})")]
    Interrupted {
        /// What is here and kept.
        done_bytes: u64,
        /// What there should be.
        total_bytes: u64,
        /// Why.
        reason: String,
    },
    /// What arrived is not the official file; it was deleted.
    #[error("what arrived has the SHA-256 sum {found}, but the official file has {expected}")]
    WrongSum {
        /// The sum of what arrived.
        found: String,
        /// The official sum.
        expected: String,
    },
    /// It cannot be written.
    #[error("{} cannot be written: {error}", Shown(path))]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}
