//! Where files are kept, by the XDG Base Directory Specification (on Windows: in
//! `%LOCALAPPDATA%`).

use std::{env, ffi::OsString, path::PathBuf};

use thiserror::Error;

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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

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
