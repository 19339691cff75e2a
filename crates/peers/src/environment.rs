//! Where a framework's Python is.

use std::{
    env,
    path::{Path, PathBuf},
};

use laptime_engine::EngineError;
use laptime_workload::directories::{NoDirectory, data_dir};

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
        return Ok(python.into());
    }
    let folder =
        environment_dir(framework).map_err(|error| EngineError::Unsupported(error.to_string()))?;
    if !folder.join(MARKER).is_file() {
        let Framework {
            environment: name,
            title,
            ..
        } = framework;
        return Err(EngineError::Unsupported(format!(
            "{title} is not installed; install it with `laptime peers install {name}`"
        )));
    }
    Ok(python_in(&folder))
}
