//! Where records are kept: one file each, written whole or not at all.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{Record, export};

/// A folder of records.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// A record could not be stored. The result itself is not lost: the caller still has it.
#[derive(Debug, Error)]
#[error(
    "{}: the record could not be stored: {error}; \
     set XDG_DATA_HOME to a folder that can be written, or keep the result with --export-json",
    path.display()
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

    /// Under a name of its own first, so that nobody ever reads half a record.
    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        // Records are not secret; temporary files are made so.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file()
                .set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        file.persist_noclobber(path)?;
        Ok(())
    }
}
