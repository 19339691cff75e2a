//! What a command reads, and what laptime keeps: nothing that a result may be written over.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

use laptime_peers::FRAMEWORKS;
use laptime_workload::{
    Shown,
    dataset::{DataSource, cache_folder, places},
    directories::{cache_dir, data_dir},
    folder::folder_of,
};

use crate::{checkpoint::folder::files as checkpoint_files, failure::Failure};

/// Files that are read, each with what it is, and folders that laptime keeps.
pub struct Inputs {
    files: Vec<(String, PathBuf)>,
    folders: Vec<PathBuf>,
    /// The file that standard input reads.
    read: Option<Metadata>,
    /// The files that standard output and standard error lead to, with which of them it is.
    written: Vec<(&'static str, Metadata)>,
}

impl Inputs {
    /// The inputs of a command with this spec, `--data-dir` and `--checkpoint`.
    pub fn of(spec: Option<&Path>, data_dir: Option<&Path>, checkpoint: Option<&Path>) -> Self {
        let mut inputs = Self {
            files: Vec::new(),
            folders: own_folders(),
            read: None,
            written: Vec::new(),
        };
        let mut add = |what: &str, path: PathBuf| inputs.add(what, path);
        if let Some(path) = spec {
            add("the workload", path.to_owned());
        }
        let bases = [data_dir.map(Path::to_owned), cache_folder().ok()];
        for base in bases.into_iter().flatten() {
            for source in DataSource::all() {
                for path in places(source, &base) {
                    add(&format!("a file of the dataset {source}"), path);
                }
            }
        }
        if let Some(folder) = checkpoint {
            for path in checkpoint_files(folder) {
                add("a file of --checkpoint", path);
            }
        }
        for framework in FRAMEWORKS {
            if let Some(python) = std::env::var_os(framework.variable) {
                add(framework.variable, python.into());
            }
        }
        if let Ok(program) = std::env::current_exe() {
            add("laptime itself", program);
        }
        inputs.read = open_file(io::stdin());
        let written = [
            ("standard output", open_file(io::stdout())),
            ("standard error", open_file(io::stderr())),
        ];
        let written = written.into_iter();
        inputs.written = written
            .filter_map(|(name, file)| Some((name, file?)))
            .collect();
        inputs
    }

    /// One more file that is read.
    pub fn add(&mut self, what: &str, path: PathBuf) {
        self.files.push((what.to_owned(), path));
    }

    /// Refuses an output that would be written over one of these.
    pub fn check(&self, option: &str, output: &Path) -> Result<(), Failure> {
        let wrong = |what: &str| {
            Err(Failure::Usage(format!(
                "{option} {}: this is {what}; give another file",
                Shown(output)
            )))
        };
        let mut files = self.files.iter();
        if let Some((what, _)) = files.find(|(_, input)| is_same_file(input, output)) {
            return wrong(&format!("{what}, which it would overwrite"));
        }
        let place = place(output);
        if self.folders.iter().any(|folder| place.starts_with(folder)) {
            return wrong("in a folder that laptime keeps its own files in");
        }
        let Ok(metadata) = output.metadata() else {
            return Ok(());
        };
        let is_output = |file: &Metadata| is_same(file, &metadata);
        if self.read.as_ref().is_some_and(is_output) {
            return wrong("what standard input reads, which it would overwrite");
        }
        let mut written = self.written.iter();
        match written.find(|(_, file)| is_output(file)) {
            // Behind what is there already.
            Some(_) if is_by_descriptor(output) => Ok(()),
            Some((name, _)) => wrong(&format!(
                "where {name} goes, and each would overwrite the other"
            )),
            None => Ok(()),
        }
    }
}

fn own_folders() -> Vec<PathBuf> {
    // Those that are not there yet will be.
    let real = |folder: PathBuf| real_folder(&folder).unwrap_or(folder);
    let mut found: Vec<PathBuf> = cache_dir().ok().map(real).into_iter().collect();
    // Users move what is large to another disk and leave a link: `peers`, `peers/jax`. The datasets of
    // the cache are known file by file, and may lie among files of the user's own.
    let mut level: Vec<PathBuf> = data_dir().ok().map(real).into_iter().collect();
    for _ in 0..3 {
        found.extend(level.iter().cloned());
        level = level.iter().flat_map(|folder| folders_in(folder)).collect();
    }
    found
}

/// The folders in a folder, each where it really is.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    // There may be thousands of records.
    let entries = entries.filter(|entry| !entry.file_type().is_ok_and(|it| it.is_file()));
    let places = entries.filter_map(|entry| entry.path().canonicalize().ok());
    places.filter(|place| place.is_dir()).collect()
}

/// `/dev/stdout` and its like are written to behind what is there.
fn is_by_descriptor(path: &Path) -> bool {
    path.starts_with("/dev") || path.starts_with("/proc")
}

/// Whether what is written to one path would be lost behind the other, however they are written.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    if is_device(one) {
        return false;
    }
    match (one.metadata(), other.metadata()) {
        // Devices lose nothing that they did not lose before.
        (Ok(one), _) | (_, Ok(one)) if !one.is_file() => false,
        (Ok(a), Ok(b)) => is_same(&a, &b) || place(one) == place(other),
        _ => place(one) == place(other),
    }
}

/// Whether a name is that of a device of Windows, whatever folder is named with it.
pub fn is_device(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let devices = ["NUL", "CON"];
    cfg!(windows)
        && devices
            .iter()
            .any(|device| name.eq_ignore_ascii_case(device))
}

/// Whether two names are of one file; where the system does not tell, it is up to their paths.
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (one.dev(), one.ino()) == (other.dev(), other.ino())
    }
    #[cfg(not(unix))]
    {
        let _ = (one, other);
        false
    }
}

/// Where a path leads, or would if its file were there.
fn place(path: &Path) -> PathBuf {
    let of_new_file = |path: &Path| {
        let folder = real_folder(folder_of(path))?;
        let name = path.file_name()?;
        Some(match cfg!(windows) {
            true => folder.join(name.to_ascii_lowercase()),
            false => folder.join(name),
        })
    };
    // A link may lead to a file that is not there yet.
    let of_target = || of_new_file(&folder_of(path).join(path.read_link().ok()?));
    let place = path.canonicalize().ok().or_else(of_target);
    place
        .or_else(|| of_new_file(path))
        .unwrap_or_else(|| path.to_owned())
}

/// Where a folder really is, or will be once it is made: the nearest folder above it that is there, and the
/// rest.
fn real_folder(folder: &Path) -> Option<PathBuf> {
    if let Ok(real) = folder.canonicalize() {
        return Some(real);
    }
    // What has no name of its own, as `..`, ends the search.
    let name = folder.file_name()?;
    Some(real_folder(folder_of(folder))?.join(name))
}

/// The file that a standard stream is, where it is one.
#[cfg(unix)]
fn open_file(stream: impl std::os::fd::AsFd) -> Option<Metadata> {
    let stream = stream.as_fd().try_clone_to_owned().ok()?;
    let metadata = fs::File::from(stream).metadata().ok()?;
    metadata.is_file().then_some(metadata)
}

/// As above; other systems do not tell one file from another.
#[cfg(not(unix))]
fn open_file<T>(_: T) -> Option<Metadata> {
    None
}
