//! What a command reads, and what laptime keeps: nothing that a result may be written over.

use std::{
    fs::Metadata,
    io,
    path::{Path, PathBuf},
};

use laptime_peers::FRAMEWORKS;
use laptime_workload::{
    DatasetName, Shown,
    atomic_file::folder_of,
    dataset::{cache_folder, places},
    directories::{cache_dir, data_dir},
};

use crate::{checkpoint::folder::files as checkpoint_files, failure::Failure};

/// Files that are read, each with what it is, and folders that laptime keeps.
pub struct Inputs {
    files: Vec<(String, PathBuf)>,
    folders: Vec<PathBuf>,
}

impl Inputs {
    /// The inputs of a command with this spec, `--data-dir` and `--checkpoint`.
    pub fn of(spec: Option<&Path>, data_dir: Option<&Path>, checkpoint: Option<&Path>) -> Self {
        let mut inputs = Self {
            files: Vec::new(),
            folders: own_folders(),
        };
        let mut add = |what: &str, path: PathBuf| inputs.add(what, path);
        if let Some(path) = spec {
            add("the workload", path.to_owned());
        }
        let bases = [data_dir.map(Path::to_owned), cache_folder().ok()];
        for base in bases.into_iter().flatten() {
            for name in DatasetName::ALL {
                for path in places(name, &base.join(name.as_str())) {
                    add(&format!("a file of the dataset {name}"), path);
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
        if let Ok(metadata) = output.metadata()
            && metadata.is_file()
            && !is_by_descriptor(output)
            && standard_output().is_ok_and(|stdout| is_same(&stdout, &metadata))
        {
            return wrong("where standard output goes, and each would overwrite the other");
        }
        Ok(())
    }
}

fn own_folders() -> Vec<PathBuf> {
    let folders = [data_dir(), cache_dir()].into_iter().flatten();
    folders
        .filter_map(|folder| folder.canonicalize().ok())
        .collect()
}

/// `/dev/stdout` and its like are written to behind what is there.
fn is_by_descriptor(path: &Path) -> bool {
    path.starts_with("/dev") || path.starts_with("/proc")
}

/// Whether what is written to one path would be lost behind the other, however they are written.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.metadata(), other.metadata()) {
        // Devices lose nothing that they did not lose before.
        (Ok(one), _) | (_, Ok(one)) if !one.is_file() => false,
        (Ok(a), Ok(b)) => is_same(&a, &b) || place(one) == place(other),
        _ => place(one) == place(other),
    }
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
        let folder = folder_of(path).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    // A link may lead to a file that is not there yet.
    let of_target = || of_new_file(&folder_of(path).join(path.read_link().ok()?));
    let place = path.canonicalize().ok().or_else(of_target);
    place
        .or_else(|| of_new_file(path))
        .unwrap_or_else(|| path.to_owned())
}

fn standard_output() -> io::Result<Metadata> {
    #[cfg(unix)]
    {
        use std::{fs::File, os::fd::AsFd};
        File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata()
    }
    #[cfg(not(unix))]
    Err(io::ErrorKind::Unsupported.into())
}
