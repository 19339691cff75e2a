//! Where a framework's Python is.

use std::{
    env,
    path::{Path, PathBuf, absolute},
};

use laptime_engine::EngineError;
use laptime_workload::{
    Shown,
    directories::{NoDirectory, data_dir},
};

use crate::Framework;

/// The file in an environment that says that its installation was completed.
pub const MARKER: &str = "laptime-peer.json";

/// The folder of a framework's own environment, whether it is there or not.
pub fn environment_dir(framework: &Framework) -> Result<PathBuf, NoDirectory> {
    Ok(data_dir()?.join("peers").join(framework.environment))
}

/// The interpreter of an environment.
pub(crate) fn python_in(environment: &Path) -> PathBuf {
    if cfg!(windows) {
        environment.join("Scripts").join("python.exe")
    } else {
        environment.join("bin").join("python")
    }
}

/// Whether there is an interpreter that should have the framework.
pub fn is_available(framework: &Framework) -> bool {
    interpreter(framework).is_ok()
}

/// The interpreter that has the framework: the one that its variable names, or the one that was
/// installed.
pub(crate) fn interpreter(framework: &Framework) -> Result<PathBuf, EngineError> {
    if let Some(python) = env::var_os(framework.variable).filter(|python| !python.is_empty()) {
        return Ok(stated(python.into()));
    }
    let folder =
        environment_dir(framework).map_err(|error| EngineError::Unsupported(error.to_string()))?;
    let Framework {
        environment: name,
        title,
        ..
    } = framework;
    let wrong = |what: String| {
        let what = format!("{title} {what}; install it with `laptime peers install {name}`");
        Err(EngineError::Unsupported(what))
    };
    match state(&folder) {
        State::Absent => wrong("is not installed".into()),
        State::Broken => {
            let python = python_in(&folder);
            let python = Shown(&python);
            wrong(format!("is installed, but its Python {python} is gone"))
        }
        State::Complete => Ok(python_in(&folder)),
    }
}

/// A path from the folder in which laptime was started, where it is one: a peer is started in another.
/// A name alone is looked for among all programs.
fn stated(python: PathBuf) -> PathBuf {
    if python.components().count() == 1 && !python.starts_with(".") {
        return python;
    }
    // No link is resolved: by the place of the link, Python knows its environment.
    absolute(&python).unwrap_or(python)
}

/// What there is of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// No installation was completed.
    Absent,
    /// The interpreter is gone since, as where the Python that it leads to was removed.
    Broken,
    /// It can be used.
    Complete,
}

/// What there is of the environment in a folder.
pub(crate) fn state(folder: &Path) -> State {
    if !folder.join(MARKER).is_file() {
        State::Absent
    } else if !python_in(folder).is_file() {
        State::Broken
    } else {
        State::Complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_is_looked_for_from_where_laptime_was_started() {
        let here = env::current_dir().expect("there is one");
        for (given, expected) in [
            ("python3", PathBuf::from("python3")),
            ("venv/bin/python", here.join("venv/bin/python")),
            ("./python", here.join("python")),
            // Windows makes paths absolute by their text alone.
            (
                "../python",
                match cfg!(windows) {
                    true => here.with_file_name("python"),
                    false => here.join("../python"),
                },
            ),
        ] {
            assert_eq!(stated(given.into()), expected, "{given}");
        }
        let absolute = here.join("python");
        assert_eq!(stated(absolute.clone()), absolute);
    }

    #[test]
    fn an_environment_whose_interpreter_is_gone_is_broken() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(state(folder.path()), State::Absent);
        let python = python_in(folder.path());
        std::fs::create_dir_all(python.parent().expect("a folder")).expect("it can be made");
        for (file, expected) in [
            (folder.path().join(MARKER), State::Broken),
            (python, State::Complete),
        ] {
            std::fs::write(file, "").expect("it can be written");
            assert_eq!(state(folder.path()), expected);
        }
    }
}
