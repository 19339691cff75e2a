//! Where records are kept: one file each, written whole or not at all.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use laptime_workload::{Shown, atomic_file::NewFile};
use thiserror::Error;

use crate::{Record, export};

/// A folder of records.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// A record cannot be stored. The result itself is not lost: the caller still has it.
#[derive(Debug, Error)]
#[error(
    "{}: the record cannot be stored: {error}; \
     set XDG_DATA_HOME to a folder that can be written, or keep the result with --export-json",
    Shown(path)
)]
pub struct StoreError {
    path: PathBuf,
    error: io::Error,
}

impl Store {
    /// The store of `laptime` below its data folder.
    pub fn below(data_dir: &Path) -> Self {
        Self {
            folder: data_dir.join("records"),
        }
    }

    /// Finds out before anything is measured whether records can be stored.
    ///
    /// # Errors
    /// Where the folder cannot be made or written.
    pub fn check(&self) -> Result<(), StoreError> {
        let path = self.folder.join("new.json");
        let checked = fs::create_dir_all(&self.folder).and_then(|()| NewFile::beside(&path));
        match checked {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError {
                path: self.folder.clone(),
                error,
            }),
        }
    }

    /// Writes the record to a file of its own and returns its path.
    ///
    /// # Errors
    /// Where the folder or the file cannot be written.
    pub fn save(&self, record: &Record) -> Result<PathBuf, StoreError> {
        let path = self.folder.join(format!("{}.json", record.id));
        match self.write(&path, &export::json(record)) {
            Ok(()) => Ok(path),
            Err(error) => Err(StoreError { path, error }),
        }
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        NewFile::beside(path)?.finish_new(text.as_bytes())
    }
}
