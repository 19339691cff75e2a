//! What can be wrong with files of the user's.

use std::{fmt, io, path::Path};

use thiserror::Error;

use crate::{Shown, contents_error::Wrong};

/// What is wrong with a file of the user's, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {problem}")]
pub struct OwnError {
    /// The file, and what in it.
    place: String,
    problem: String,
}

impl OwnError {
    pub(crate) fn new(place: impl fmt::Display, problem: impl Into<String>) -> Self {
        Self {
            place: place.to_string(),
            problem: problem.into(),
        }
    }

    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        let advice = "check that it is a file that can be read; paths start at the spec's folder";
        Self::new(Shown(path), format!("{error}; {advice}"))
    }

    pub(super) fn at(place: impl fmt::Display, Wrong { byte, problem }: Wrong) -> Self {
        Self::new(place, format!("at byte {byte}: {problem}"))
    }
}

/// Something that is wrong at a byte.
pub(super) fn wrong<T>(byte: usize, problem: impl Into<String>) -> Result<T, Wrong> {
    let problem = problem.into();
    Err(Wrong { byte, problem })
}
