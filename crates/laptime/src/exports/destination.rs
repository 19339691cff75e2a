//! Where one result goes, opened before the work begins.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use laptime_workload::{
    Shown,
    atomic_file::{self, NewFile},
    folder::folder_of,
};

use super::inputs::is_device;
use crate::{
    failure::Failure,
    output::{self, is_standard_stream},
};

/// A file or stream of the command line that can be written.
pub struct Destination {
    option: &'static str,
    path: PathBuf,
    sink: Sink,
}

enum Sink {
    StandardOutput,
    /// A file, which stays as it was until the new one is whole.
    Beside(NewFile),
    /// A file that can be written in a folder that cannot.
    Only(File),
    /// A device, a pipe or a descriptor of this process.
    Stream(File),
    /// A named pipe that nobody reads yet.
    #[cfg(unix)]
    Unread,
}

impl Destination {
    /// Opens it; what is there is not changed yet.
    ///
    /// # Errors
    /// Where it could not be written.
    pub fn open(option: &'static str, path: PathBuf) -> Result<Self, Failure> {
        let sink = match is_standard_stream(&path) {
            true => Sink::StandardOutput,
            false => open(option, &path)?,
        };
        Ok(Self { option, path, sink })
    }

    /// Whether it is standard output by the name of `-`.
    pub fn is_stdout(&self) -> bool {
        matches!(self.sink, Sink::StandardOutput)
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// Where it cannot be written after all; a file is as it was before then.
    pub fn write(self, contents: &[u8]) -> Result<(), Failure> {
        let written = match self.sink {
            Sink::StandardOutput => return output::print_bytes(contents),
            Sink::Beside(file) => file.finish(contents),
            Sink::Only(file) => atomic_file::rewrite(&file, contents),
            Sink::Stream(mut file) => file.write_all(contents),
            #[cfg(unix)]
            Sink::Unread => {
                let file = OpenOptions::new().append(true).open(&self.path);
                file.and_then(|mut file| file.write_all(contents))
            }
        };
        written.map_err(|error| Failure::Failed(unwritable(self.option, &self.path, &error)))
    }
}

/// What to say of a file of the command line that cannot be written.
fn unwritable(option: &str, path: &Path, error: &io::Error) -> String {
    let path = Shown(path);
    format!("{option} {path}: cannot be written: {error}; give a path that can")
}

fn open(option: &str, path: &Path) -> Result<Sink, Failure> {
    let wrong = |what: String| Err(Failure::Usage(format!("{option} {}: {what}", Shown(path))));
    let folder = folder_of(path);
    if !folder.is_dir() {
        let folder = Shown(folder);
        return wrong(format!("there is no folder {folder}; create it first"));
    }
    if path.is_dir() {
        return wrong("this is a folder; give a file".into());
    }
    if path.file_name().is_none() || path.to_string_lossy().ends_with(std::path::is_separator) {
        return wrong("this names no file; give a file".into());
    }
    sink(path).map_err(|error| Failure::Usage(unwritable(option, path, &error)))
}

fn sink(path: &Path) -> io::Result<Sink> {
    let place = match target(path)? {
        Target::Stream => return stream(path),
        Target::File(place) => place,
    };
    let mut options = OpenOptions::new();
    let before = match options.write(true).open(&place) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        // What may not be changed may not be replaced.
        Err(error) => return Err(error),
    };
    match (NewFile::beside(&place), before) {
        (Ok(file), _) => Ok(Sink::Beside(file)),
        (Err(_), Some(file)) => Ok(Sink::Only(file)),
        (Err(error), None) => Err(error),
    }
}

enum Target {
    File(PathBuf),
    Stream,
}

/// Links of a chain, at most; as many as Linux follows.
const MOST_LINKS: usize = 40;

/// What a path leads to: a link of the user's own is followed, and its target replaced.
fn target(path: &Path) -> io::Result<Target> {
    let mut place = path.to_owned();
    for _ in 0..MOST_LINKS {
        if is_descriptor(&place)? {
            return Ok(Target::Stream);
        }
        match place.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => {
                place = folder_of(&place).join(place.read_link()?);
            }
            Ok(metadata) if !metadata.is_file() => return Ok(Target::Stream),
            _ => return Ok(Target::File(place)),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Whether the system makes up what is at a path: `/dev/stdout`, `/dev/fd/63`, `/proc/self/fd/1`.
/// Such a name may lead to a file, but means what is open.
fn is_descriptor(path: &Path) -> io::Result<bool> {
    if cfg!(windows) {
        return Ok(is_device(path));
    }
    let folder = folder_of(path).canonicalize()?;
    let is_made_up = ["/dev", "/dev/fd"]
        .iter()
        .any(|made| folder == Path::new(made));
    Ok(is_made_up || folder.starts_with("/proc"))
}

fn stream(path: &Path) -> io::Result<Sink> {
    // Appends, as what is open may be a file that others write to as well.
    let mut options = OpenOptions::new();
    options.append(true);
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_fifo(&path.metadata()?.file_type()) {
        use std::os::unix::fs::OpenOptionsExt;
        let mut at_once = options.clone();
        let reader = at_once.custom_flags(nix::libc::O_NONBLOCK).open(path);
        match reader {
            // The pipe stays open until it is open for good.
            Ok(_open) => return Ok(Sink::Stream(options.open(path)?)),
            Err(error) if error.raw_os_error() == Some(nix::libc::ENXIO) => {
                return Ok(Sink::Unread);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Sink::Stream(options.open(path)?))
}
