//! A folder of temporary files that is gone with the process that made it, however that process ends:
//! by itself, or swept away by the next one.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use laptime_workload::own_file;
use tempfile::TempDir;

const PREFIX: &str = "laptime-peer-";
/// Locked as long as its process lives: the system unlocks what nobody holds any more. Unlike a
/// process's number, that holds between containers too.
const LOCK: &str = "lock";

/// All that this process has now.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn folders() -> MutexGuard<'static, Vec<PathBuf>> {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes all folders, at the end of the program.
pub fn remove_folders() {
    for folder in folders().drain(..) {
        let _ = fs::remove_dir_all(folder);
    }
}

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    // Dropped first: Windows removes no file that is open.
    _lock: File,
    folder: TempDir,
}

impl Folder {
    pub(crate) fn new() -> io::Result<Self> {
        Self::below(&env::temp_dir())
    }

    fn below(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        // Named only when it is locked, so that nobody ever sees it unlocked.
        let unnamed = folder.path().join("lock.new");
        let lock = File::create(&unnamed)?;
        lock.lock()?;
        fs::rename(unnamed, folder.path().join(LOCK))?;
        folders().push(folder.path().to_owned());
        Ok(Self {
            _lock: lock,
            folder,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        folders().retain(|folder| folder != self.folder.path());
    }
}

/// Removes the folders of processes that were killed. What cannot be removed is another user's.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // Anybody may put a pipe or a link there.
        let path = entry.path().join(LOCK);
        let lock = own_file::open(&path, File::options().read(true));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_swept_and_what_another_uses_is_not() {
        let parent = tempfile::tempdir().expect("a folder");
        let used = Folder::below(parent.path()).expect("it can be made");
        let left = parent.path().join("laptime-peer-killed");
        fs::create_dir(&left).expect("it can be made");
        fs::write(left.join(LOCK), "").expect("it can be written");
        let of_others = parent.path().join("laptime-peer-without-a-lock");
        fs::create_dir(&of_others).expect("it can be made");
        let new = Folder::below(parent.path()).expect("it can be made");
        assert!(!left.exists());
        assert!(of_others.exists());
        assert!(used.path().join(LOCK).exists());
        let place = new.path().to_owned();
        drop(new);
        assert!(!place.exists());
    }
}
