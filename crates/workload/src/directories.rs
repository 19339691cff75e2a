//! Where files are kept, by the XDG Base Directory Specification (on Windows: in
//! `%LOCALAPPDATA%`).

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{atomic_file, folder::folder_of};

/// No environment variable says where files may be kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("neither {variable} nor HOME names a folder; set {variable} to an absolute path")]
pub struct NoDirectory {
    variable: &'static str,
}

/// What can be made again: `${XDG_CACHE_HOME:-~/.cache}/laptime`.
pub fn cache_dir() -> Result<PathBuf, NoDirectory> {
    laptime_dir("XDG_CACHE_HOME", ".cache", |name| env::var_os(name))
}

/// What cannot: `${XDG_DATA_HOME:-~/.local/share}/laptime`.
pub fn data_dir() -> Result<PathBuf, NoDirectory> {
    laptime_dir("XDG_DATA_HOME", ".local/share", |name| env::var_os(name))
}

/// Puts a file into a folder, which is made where there is none. Whoever reads it meanwhile, or
/// writes it too, finds one version of it, whole.
pub fn keep(file: &Path, contents: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder_of(file))?;
    atomic_file::write(file, contents)
}

fn laptime_dir(
    variable: &'static str,
    below_home: &str,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, NoDirectory> {
    // The specification has relative paths ignored.
    let absolute = |name| {
        environment(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    let base = absolute(variable)
        .or_else(|| absolute("LOCALAPPDATA").filter(|_| cfg!(windows)))
        .or_else(|| absolute("HOME").map(|home| home.join(below_home)));
    match base {
        Some(base) => Ok(base.join("laptime")),
        None => Err(NoDirectory { variable }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_takes_the_place_of_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/one.json");
        for contents in ["first", "second"] {
            keep(&file, contents.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), contents);
        }
        let files = folder.path().join("new").read_dir().unwrap();
        assert_eq!(files.count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn the_variable_is_followed_if_it_is_absolute_and_else_home() {
        let table = [
            ("XDG_CACHE_HOME=/c HOME=/h", Some("/c/laptime")),
            ("XDG_CACHE_HOME=c HOME=/h", Some("/h/.cache/laptime")),
            ("XDG_CACHE_HOME= HOME=/h", Some("/h/.cache/laptime")),
            ("HOME=h", None),
            ("", None),
        ];
        for (environment, expected) in table {
            let found = laptime_dir("XDG_CACHE_HOME", ".cache", |name| {
                let mut entries = environment
                    .split(' ')
                    .filter_map(|entry| entry.split_once('='));
                let entry = entries.find(|(key, _)| *key == name);
                entry.map(|(_, value)| value.into())
            });
            assert_eq!(found.ok(), expected.map(PathBuf::from), "{environment:?}");
        }
    }
}
