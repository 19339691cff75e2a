//! What can go wrong with a dataset: each error names the file or the option, what is wrong, and
//! what to do.

use std::{io, path::PathBuf};

use thiserror::Error;

use super::{ContentsError, DataSource, OwnError, download_error::DownloadError};
use crate::{Shown, directories::NoDirectory};

/// Why a dataset could not be loaded, fetched or verified.
#[derive(Debug, Error)]
pub enum DataError {
    /// There is no place for the cache.
    #[error(transparent)]
    NoDirectory(#[from] NoDirectory),
    /// `--data-dir` names no folder.
    #[error("--data-dir {}: there is no such folder; it must hold {name}/{} and the rest",
            Shown(path), name.files[0].name)]
    NoDataDir {
        /// The folder asked for.
        path: PathBuf,
        /// The dataset looked for in it.
        name: &'static DataSource,
    },
    /// A file is missing from a folder that has others of the dataset.
    #[error("{}: this file is missing; put it there (from {url}){}", Shown(path),
            found.iter().map(|found| format!("; {found}")).collect::<String>())]
    Missing {
        /// The file.
        path: PathBuf,
        /// Where it can be had.
        url: String,
        /// What is there of the dataset that cannot be read.
        found: Option<String>,
    },
    /// A file cannot be read.
    #[error("{}: {error}; check that it is a file that can be read", Shown(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The cache cannot be filled.
    #[error(
        "{}: {error}; give the right to write there, or set XDG_CACHE_HOME to another folder",
        Shown(folder)
    )]
    Cache {
        /// The dataset's folder in the cache.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file is far too large to be what it should be.
    #[error(
        "{}: has more than {most_bytes} bytes, the most that {name} can need; \
             put the official file there",
        Shown(path)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The dataset that it should be a part of.
        name: &'static DataSource,
        /// What it may have.
        most_bytes: u64,
    },
    /// A file is not what it should be.
    #[error("{}: {error}; put the official file there (from {url})", Shown(path))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and at which byte.
        error: ContentsError,
        /// Where the official file can be had.
        url: String,
    },
    /// A file whose sum is not the official one, where only the official one will do.
    #[error(
        "{}: its SHA-256 sum is {found}, but the official file has {expected}; {advice}",
        Shown(path)
    )]
    WrongSum {
        /// The file.
        path: PathBuf,
        /// Its sum.
        found: String,
        /// The official sum.
        expected: String,
        /// What to do.
        advice: String,
    },
    /// A file of the user's own is not what it should be.
    #[error(transparent)]
    Own(#[from] OwnError),
    /// A file of the user's own, where only official ones will do.
    #[error(
        "--data official: {name} is data of your own, of which there are no official files; leave it out"
    )]
    NotOfficial {
        /// What the user calls the data.
        name: String,
    },
    /// A download failed.
    #[error(
        "{url}: {error}; try again, or put the official files into {} yourself \
             (or into DIR/{name} with --data-dir DIR)",
        Shown(folder)
    )]
    Download {
        /// What was to be downloaded.
        url: String,
        /// Why it was not.
        error: DownloadError,
        /// Where the files belong.
        folder: PathBuf,
        /// The dataset.
        name: &'static DataSource,
    },
    /// The dataset is not here and may not be downloaded.
    #[error(
        "{}: {name} is not there, and downloads are switched off; \
             put the official files there",
        Shown(folder)
    )]
    Offline {
        /// Where the files belong.
        folder: PathBuf,
        /// The dataset.
        name: &'static DataSource,
    },
    /// The dataset is not here, and this build cannot download.
    #[error(
        "{name}: this build of laptime has no downloads; put the official files (from {url}) \
             into {}",
        Shown(folder)
    )]
    NoDownloads {
        /// Where the files belong.
        folder: PathBuf,
        /// Where they can be had.
        url: &'static str,
        /// The dataset.
        name: &'static DataSource,
    },
}

impl DataError {
    /// Whether the dataset simply is not here and cannot be had, as against being here and wrong.
    pub fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::NoDirectory(_)
                | Self::Cache { .. }
                | Self::Download { .. }
                | Self::Offline { .. }
                | Self::NoDownloads { .. }
        )
    }

    /// The same error with other advice, where it takes any.
    pub(crate) fn with_advice(mut self, new_advice: String) -> Self {
        if let Self::WrongSum { advice, .. } = &mut self {
            *advice = new_advice;
        }
        self
    }
}
