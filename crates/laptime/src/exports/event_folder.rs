//! The folder of `--tensorboard`, tried before the work begins.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use laptime_results::{Record, export};
use laptime_workload::{
    Shown,
    atomic_file::{self, NewFile},
    folder::folder_of,
};

use super::Inputs;
use crate::failure::Failure;

/// A folder that event files can be written to.
pub struct EventFolder(PathBuf);

impl EventFolder {
    /// Takes the folder that the command line asks for, if it does.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn asked(path: Option<PathBuf>, inputs: &Inputs) -> Result<Option<Self>, Failure> {
        path.map(|path| Self::open(path, inputs)).transpose()
    }

    /// Takes the folder, which is made where there is none. Other files in it stay: TensorBoard shows all runs
    /// of a folder side by side.
    ///
    /// # Errors
    /// Where it could not be written, or is one of laptime's own.
    fn open(path: PathBuf, inputs: &Inputs) -> Result<Self, Failure> {
        let file = path.join("run");
        inputs.check("--tensorboard", &file)?;
        match fs::create_dir_all(&path).and_then(|()| NewFile::beside(&file)) {
            // What was tried is removed when this is dropped.
            Ok(_) => Ok(Self(path)),
            Err(error) => Err(Failure::Usage(unwritable(&path, &error))),
        }
    }

    /// Writes the event files of the records.
    ///
    /// # Errors
    /// Where one cannot be written after all.
    pub fn write(self, records: &[Record]) -> Result<(), Failure> {
        for file in records.iter().flat_map(export::tensorboard) {
            let path = self.0.join(&file.path);
            let written = fs::create_dir_all(folder_of(&path))
                .and_then(|()| atomic_file::write(&path, &file.bytes));
            written.map_err(|error| Failure::Failed(unwritable(&path, &error)))?;
        }
        Ok(())
    }
}

fn unwritable(path: &Path, error: &io::Error) -> String {
    format!(
        "--tensorboard {}: it cannot be written: {error}; give another folder",
        Shown(path)
    )
}
