//! Files of ours in folders that somebody else may write too, as caches and folders of checkpoints
//! may be: no link that was planted under their names is followed.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    path::Path,
};

const NOT_PLAIN: &str = "it is not a plain file; remove it";

/// Opens the file at `path`, which the options may create.
///
/// # Errors
/// Where it cannot be opened, or is a symbolic link, no plain file, a second name of another file,
/// or another user's.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = open_any(path, options)?;
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) > 1 {
        return Err(io::Error::other("it is a link to another file; remove it"));
    }
    Ok(file)
}

/// Opens the file at `path` to read it. Links are followed, as nothing is changed: a user may have put
/// one there.
///
/// # Errors
/// Where it cannot be opened, or is no plain file: a pipe would keep its reader waiting.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, nix::libc::O_NONBLOCK);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(NOT_PLAIN));
    }
    Ok(file)
}

/// All of the file at `path`.
///
/// # Errors
/// As [`open_to_read`], or where it cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    open_to_read(path)?.read_to_end(&mut contents)?;
    Ok(contents)
}

/// Opens the file at `path` to lock it; it is created where there is none, and never changed.
///
/// # Errors
/// As [`open`], but a second name does no harm.
pub fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    open_any(path, options.write(true).create(true).truncate(false))
}

fn open_any(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A pipe would keep its opener waiting.
        options.custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK);
    }
    let file = options.open(path).map_err(|error| {
        if path.is_symlink() {
            io::Error::other("it is a symbolic link, which is not followed; remove it")
        } else {
            error
        }
    })?;
    check(&file, path)?;
    Ok(file)
}

fn check(file: &File, path: &Path) -> io::Result<()> {
    let metadata = file.metadata()?;
    let wrong = |what| Err(io::Error::other(what));
    if !metadata.is_file() || path.is_symlink() {
        return wrong(NOT_PLAIN);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let owner = metadata.uid();
        // The owner of the folder could put any file there anyway.
        let folder = crate::folder::folder_of(path).metadata()?;
        if owner != nix::unistd::geteuid().as_raw() && owner != folder.uid() {
            return wrong("it is another user's; remove it");
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::symlink, process::Command};

    use super::*;

    #[test]
    fn no_link_at_a_name_of_ours_is_written_through_and_no_pipe_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("mine"), "dear").unwrap();
        symlink(path("mine"), path("link")).unwrap();
        symlink(path("nowhere"), path("dangling")).unwrap();
        fs::hard_link(path("mine"), path("second")).unwrap();
        fs::create_dir(path("folder")).unwrap();
        let made = Command::new("mkfifo").arg(path("pipe")).status();
        assert!(made.is_ok_and(|status| status.success()));
        let mut options = OpenOptions::new();
        options.write(true).create(true);
        assert!(open(&path("second"), &mut options).is_err());
        for name in ["link", "dangling", "folder", "pipe"] {
            assert!(open(&path(name), &mut options).is_err(), "{name}");
            assert!(open_lock(&path(name)).is_err(), "{name}");
        }
        for name in ["dangling", "folder", "pipe"] {
            assert!(read(&path(name)).is_err(), "{name}");
        }
        for name in ["mine", "second", "link"] {
            assert_eq!(read(&path(name)).unwrap(), b"dear", "{name}");
        }
        assert_eq!(fs::read_to_string(path("mine")).unwrap(), "dear");
        assert!(!path("nowhere").exists());
        // What is there stays as it is.
        fs::write(path("lock"), "old").unwrap();
        for name in ["lock", "new"] {
            assert!(open_lock(&path(name)).is_ok(), "{name}");
        }
        assert_eq!(fs::read_to_string(path("lock")).unwrap(), "old");
    }
}
