//! The one way to write a file: beside its place, synchronised, and then renamed, so that at any time
//! the place has the file before or the new one, whole.
//!
//! The new file has a random name that nobody can have taken, and is locked for as long as its process
//! lives; what killed processes have left is removed by the next that writes to the same folder.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tempfile::NamedTempFile;

use crate::{folder::folder_of, own_file};

const PREFIX: &str = ".laptime-";
const SUFFIX: &str = ".tmp";
const RANDOM: usize = 8;

/// A file is made, and a moment later locked. Younger ones are not looked at.
const LEAST_AGE: Duration = Duration::from_secs(60);

/// How long a file that another program has open is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// A file that is not in its place yet. It is removed if this is dropped.
#[derive(Debug)]
pub struct NewFile {
    place: PathBuf,
    file: NamedTempFile,
    _noted: Noted,
}

impl NewFile {
    /// Makes an empty file beside `place`. A symbolic link at the place will be replaced, not
    /// followed.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn beside(place: &Path) -> io::Result<Self> {
        let folder = folder_of(place);
        sweep(folder);
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM);
        // Opened and written here and not by `tempfile`, whose errors have its path in them, which is of
        // no use to anybody and may be private, and have lost the system's number. As any new file, this
        // one has the permissions that the umask leaves.
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let file = builder.make_in(folder, |path| options.open(path))?;
        // Where there are no locks, nothing is ever swept.
        let _ = file.as_file().try_lock();
        Ok(Self {
            place: place.to_owned(),
            _noted: Noted::new(file.path()),
            file,
        })
    }

    /// Writes the contents and puts the file into its place, where it replaces what is there.
    ///
    /// # Errors
    /// Where it cannot be written; what was there before is still there then.
    pub fn finish(mut self, contents: &[u8]) -> io::Result<()> {
        self.fill(contents)?;
        match self.replace() {
            Ok(()) => {
                self.file.disable_cleanup(true);
                synchronise_folder(&self.place);
                Ok(())
            }
            Err(error) if can_be_rewritten(&error) => {
                let mut options = OpenOptions::new();
                match own_file::open(&self.place, options.write(true)) {
                    Ok(file) => rewrite(&file, contents),
                    // Then it was not the file that was in the way.
                    Err(missing) if missing.kind() == ErrorKind::NotFound => Err(error),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Renames the file. Not by `tempfile`, which on Windows replaces no file that is open, even by those
    /// that allow it, as laptime does.
    fn replace(&self) -> io::Result<()> {
        let since = Instant::now();
        loop {
            let renamed = fs::rename(self.file.path(), &self.place);
            match renamed {
                // Scanners and indexers open a new file, and soon close it.
                Err(error) if is_open_elsewhere(&error) && since.elapsed() < PATIENCE => {
                    thread::sleep(Duration::from_millis(10));
                }
                renamed => return renamed,
            }
        }
    }

    /// Writes the contents and puts the file into its place, unless something is there.
    ///
    /// # Errors
    /// Where it cannot be written, or something is there.
    pub fn finish_new(mut self, contents: &[u8]) -> io::Result<()> {
        self.fill(contents)?;
        self.file.persist_noclobber(&self.place)?;
        synchronise_folder(&self.place);
        Ok(())
    }

    fn fill(&mut self, contents: &[u8]) -> io::Result<()> {
        self.file.as_file_mut().write_all(contents)?;
        #[cfg(unix)]
        if let Ok(before) = self.place.symlink_metadata()
            && before.is_file()
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = before.permissions().mode() & 0o777;
            let permissions = fs::Permissions::from_mode(mode);
            self.file.as_file().set_permissions(permissions)?;
        }
        // The name must not come to the disk before what it names.
        self.file.as_file().sync_all()?;
        // Windows lets nobody read what is locked. It is young enough not to be swept.
        let _ = self.file.as_file().unlock();
        Ok(())
    }
}

/// Whether a file that cannot be replaced may still be written: one that is mounted by itself, as
/// containers do it, or that a program has open on Windows.
fn can_be_rewritten(error: &io::Error) -> bool {
    error.kind() == ErrorKind::ResourceBusy || is_open_elsewhere(error)
}

/// Whether this may be because another program has the file open, which only Windows minds.
fn is_open_elsewhere(error: &io::Error) -> bool {
    const ERROR_ACCESS_DENIED: i32 = 5;
    const ERROR_SHARING_VIOLATION: i32 = 32;
    let denied = [Some(ERROR_ACCESS_DENIED), Some(ERROR_SHARING_VIOLATION)];
    cfg!(windows) && denied.contains(&error.raw_os_error())
}

/// Writes a file in one go; see [`NewFile`].
///
/// # Errors
/// Where it cannot be written; what was there before is still there then.
pub fn write(place: &Path, contents: &[u8]) -> io::Result<()> {
    NewFile::beside(place)?.finish(contents)
}

/// Writes an open file anew where it is, for want of a better way.
///
/// # Errors
/// Where it cannot be written; what it had is lost then.
pub fn rewrite(mut file: &File, contents: &[u8]) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Removes all files that are not in their places yet: for a process that ends at once.
pub fn abandon_all() {
    for path in noted().drain(..) {
        let _ = fs::remove_file(path);
    }
}

/// Not every system has folders that can be synchronised, nor is the old file a loss.
fn synchronise_folder(place: &Path) {
    if let Ok(folder) = File::open(folder_of(place)) {
        let _ = folder.sync_all();
    }
}

/// Removes what killed processes have left in a folder.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_name().to_str().is_some_and(is_ours) {
            continue;
        }
        let path = entry.path();
        let Ok(file) = own_file::open(&path, OpenOptions::new().read(true)) else {
            continue;
        };
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| modified.elapsed().ok());
        if age.is_some_and(|age| age >= LEAST_AGE) && file.try_lock().is_ok() {
            let _ = fs::remove_file(path);
        }
    }
}

fn is_ours(name: &str) -> bool {
    let random = name
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_suffix(SUFFIX));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// The files that are not in their places yet.
static NOTED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn noted() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    NOTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file in the list, for as long as this lives.
#[derive(Debug)]
struct Noted(PathBuf);

impl Noted {
    fn new(path: &Path) -> Self {
        noted().push(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        noted().retain(|path| *path != self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_whole_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a");
        for contents in ["first", "second"] {
            write(&place, contents.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&place).unwrap(), contents);
        }
        let new = NewFile::beside(&place).unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "second");
        assert_eq!(names(folder.path()).len(), 2);
        drop(new);
        assert!(NewFile::beside(&place).unwrap().finish_new(b"").is_err());
        assert_eq!(fs::read_to_string(&place).unwrap(), "second");
        assert_eq!(names(folder.path()), ["a"], "nothing is left");
    }

    #[test]
    fn an_error_is_the_systems_and_names_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("missing/a");
        let error = NewFile::beside(&place).unwrap_err();
        assert!(error.raw_os_error().is_some(), "{error}");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(!error.to_string().contains("path"), "{error}");
    }

    #[test]
    fn what_a_killed_process_left_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let others = [
            ".laptime-12345678.tmp.safetensors",
            ".laptime-1234567.tmp",
            ".laptime-1234-678.tmp",
            "laptime-12345678.tmp",
        ];
        let old = |name: &str| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
            file
        };
        for name in others.iter().chain(&[".laptime-leftover.tmp"]) {
            old(name);
        }
        fs::write(folder.path().join(".laptime-justmade.tmp"), "").unwrap();
        let used = old(".laptime-usedHere.tmp");
        used.lock().unwrap();
        fs::create_dir(folder.path().join(".laptime-a0folder.tmp")).unwrap();
        write(&folder.path().join("a"), b"").unwrap();
        let mut expected = others.to_vec();
        expected.extend([
            ".laptime-a0folder.tmp",
            ".laptime-justmade.tmp",
            ".laptime-usedHere.tmp",
            "a",
        ]);
        expected.sort_unstable();
        assert_eq!(names(folder.path()), expected);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_the_permissions_of_the_one_before_and_a_new_one_has_the_usual() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mode = |name: &str| path(name).metadata().unwrap().permissions().mode() & 0o777;
        fs::write(path("usual"), "").unwrap();
        write(&path("new"), b"").unwrap();
        assert_eq!(mode("new"), mode("usual"));
        fs::set_permissions(path("new"), fs::Permissions::from_mode(0o640)).unwrap();
        write(&path("new"), b"").unwrap();
        assert_eq!(mode("new"), 0o640);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_at_the_place_is_replaced_and_its_target_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (place, dear) = (folder.path().join("a"), folder.path().join("dear"));
        fs::write(&dear, "dear").unwrap();
        std::os::unix::fs::symlink(&dear, &place).unwrap();
        write(&place, b"new").unwrap();
        assert_eq!(fs::read_to_string(&dear).unwrap(), "dear");
        assert_eq!(fs::read_to_string(&place).unwrap(), "new");
        assert!(!place.is_symlink());
    }
    /// As laptime opens files itself, so that one of them may read what another replaces.
    #[cfg(windows)]
    #[test]
    fn a_file_that_is_open_is_replaced_if_its_reader_allows_that() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a");
        write(&place, b"first").unwrap();
        let mut reader = File::open(&place).unwrap();
        write(&place, b"second").unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "second");
        let mut read = String::new();
        io::Read::read_to_string(&mut reader, &mut read).unwrap();
        // Wine 8 cannot rename like this, and so the file is rewritten there.
        assert!(["first", "second"].contains(&read.as_str()), "{read}");
        drop(reader);
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[cfg(windows)]
    #[test]
    fn a_file_that_is_open_is_rewritten_or_stays_as_its_reader_allows() {
        use std::os::windows::fs::OpenOptionsExt;
        const FILE_SHARE_READ: u32 = 1;
        const FILE_SHARE_WRITE: u32 = 2;
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a");
        write(&place, b"first").unwrap();
        let open = |share| {
            let mut options = OpenOptions::new();
            options.read(true).share_mode(share).open(&place).unwrap()
        };
        // As Python and C do.
        let reader = open(FILE_SHARE_READ | FILE_SHARE_WRITE);
        write(&place, b"second").unwrap();
        drop(reader);
        assert_eq!(fs::read_to_string(&place).unwrap(), "second");
        let reader = open(FILE_SHARE_READ);
        let error = write(&place, b"third").unwrap_err();
        assert!(is_open_elsewhere(&error), "{error}");
        drop(reader);
        assert_eq!(fs::read_to_string(&place).unwrap(), "second");
        assert_eq!(names(folder.path()), ["a"], "nothing is left");
    }
}
