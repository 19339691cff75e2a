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

/// The store cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A record cannot be stored. The result itself is not lost: the caller still has it.
    #[error(
        "{}: the record cannot be stored: {error}; \
         set XDG_DATA_HOME to a folder that can be written, or keep the result with --export-json",
        Shown(path)
    )]
    Save {
        /// The file, or the folder.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// What is stored cannot be listed.
    #[error(
        "{}: the stored records cannot be listed: {error}; set XDG_DATA_HOME to a folder that can be read",
        Shown(path)
    )]
    List {
        /// The folder.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
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
            Err(error) => Err(StoreError::Save {
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
            Err(error) => Err(StoreError::Save { path, error }),
        }
    }

    /// The records that are kept, the oldest first: the name of each, which is its id, and its file.
    ///
    /// # Errors
    /// Where the folder cannot be listed; one that is not there has nothing in it.
    pub fn files(&self) -> Result<Vec<(String, PathBuf)>, StoreError> {
        let listed = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed,
        };
        let wrong = |error| StoreError::List {
            path: self.folder.clone(),
            error,
        };
        let mut files = Vec::new();
        for entry in listed.map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            // A pipe would keep its reader waiting, and a link may lead to one.
            if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            let path = entry.path();
            let is_json = path.extension().is_some_and(|ending| ending == "json");
            let name = path.file_stem().and_then(|name| name.to_str());
            // What begins with a dot is not written yet.
            if let Some(name) = name.filter(|name| is_json && !name.starts_with('.')) {
                files.push((name.to_owned(), path.clone()));
            }
        }
        files.sort();
        Ok(files)
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        NewFile::beside(path)?.finish_new(text.as_bytes())
    }
}
