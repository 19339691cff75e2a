//! The folder of `--checkpoint`, taken before the work begins.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use laptime_workload::{Shown, atomic_file::NewFile, own_file};

use crate::failure::Failure;

/// What is kept in it.
const FILE: &str = "checkpoint.safetensors";
const LOCK: &str = ".lock";

/// The files that laptime has in a folder of `--checkpoint`.
pub fn files(folder: &Path) -> [PathBuf; 2] {
    [FILE, LOCK].map(|name| folder.join(name))
}

/// A folder that this process alone keeps a training in: two that keep themselves in one folder would
/// each go on with the other's state.
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the folder, which is made where there is none.
    ///
    /// # Errors
    /// Where it cannot be written, is in use, or has a checkpoint that nobody asked to go on from.
    pub fn open(path: PathBuf, resume: bool) -> Result<Self, Failure> {
        let wrong = |path: &Path, what: String| {
            let path = Shown(path);
            let message = format!("--checkpoint {path}: {what} give another folder");
            Err(Failure::Usage(message))
        };
        let lock = match lock(&path) {
            Ok(Some(lock)) => lock,
            Ok(None) => return wrong(&path, "another laptime is using it;".into()),
            Err(error) => return wrong(&path, format!("it cannot be written: {error};")),
        };
        let folder = Self { path, _lock: lock };
        let file = folder.file();
        // A link that leads nowhere is there, too.
        if !resume && file.symlink_metadata().is_ok() {
            let what = "there is already a checkpoint; continue from it with --resume, or";
            return wrong(&file, what.into());
        }
        Ok(folder)
    }

    /// The checkpoint, there or not.
    pub fn file(&self) -> PathBuf {
        self.path.join(FILE)
    }
}

/// Locks the folder; `None` where another process has.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    fs::create_dir_all(folder)?;
    let file = own_file::open_lock(&folder.join(LOCK))?;
    let is_locked = match file.try_lock() {
        Err(TryLockError::WouldBlock) => false,
        // Some file systems know no locks.
        Ok(()) | Err(TryLockError::Error(_)) => true,
    };
    if is_locked {
        NewFile::beside(&folder.join(FILE))?;
    }
    Ok(is_locked.then_some(file))
}
