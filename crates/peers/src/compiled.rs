//! What frameworks' compilers keep on disk from one session to the next. PyTorch's default is a folder
//! that all its programs share, which the gate and the trial would fill before the first run; here it
//! is one of this process, which neither has seen: the first run is cold, those behind it are as
//! PyTorch's users know them.

use std::{
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use crate::folder::Folder;

static FOLDER: Mutex<Option<Folder>> = Mutex::new(None);

/// The folder of this process, which `remove_folders` removes at its end.
pub(crate) fn place() -> io::Result<PathBuf> {
    let mut folder = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = match folder.take() {
        Some(made) => folder.insert(made),
        None => folder.insert(Folder::new()?),
    };
    Ok(folder.path().to_owned())
}
