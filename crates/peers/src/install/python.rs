//! The system's Python, from which environments are made.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use laptime_workload::Shown;

use super::{InstallError, module};

/// The oldest Python that the adapters run on.
const OLDEST: [u32; 2] = [3, 10];

/// A Python of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// The interpreter.
    pub path: PathBuf,
    /// Major and minor version.
    pub version: [u32; 2],
}

impl Python {
    /// The interpreter stated; or `python3` on the path, or where that is none of the versions for
    /// which there are wheels, one that is.
    pub(crate) fn find(stated: Option<&Path>, wanted: &[&str]) -> Result<Self, InstallError> {
        let candidates: Vec<PathBuf> = match stated {
            Some(path) => vec![path.to_owned()],
            None if cfg!(windows) => vec!["python".into(), "py".into()],
            None => {
                let newest_first = wanted.iter().rev();
                let others = newest_first.map(|version| format!("python{version}").into());
                [PathBuf::from("python3")]
                    .into_iter()
                    .chain(others)
                    .collect()
            }
        };
        let mut found = candidates.into_iter().filter_map(|path| {
            Some(Self {
                version: version(&path)?,
                path,
            })
        });
        let first = found.next();
        let is_wanted = |python: &Self| wanted.contains(&python.version_text().as_str());
        let found = match first {
            Some(first) if !is_wanted(&first) => found.find(is_wanted).or(Some(first)),
            other => other,
        };
        let [major, minor] = OLDEST;
        match (found, stated) {
            (Some(python), _) if python.version >= OLDEST => Ok(python),
            (Some(python), _) => Err(InstallError::Unsupported(format!(
                "{} is Python {}: {major}.{minor} or newer is needed; install one, or name one \
                 with --python",
                Shown(&python.path),
                python.version_text(),
            ))),
            (None, Some(path)) => Err(InstallError::Unsupported(format!(
                "--python {}: this is no Python that runs",
                Shown(path)
            ))),
            (None, None) => Err(InstallError::Unsupported(format!(
                "there is no Python: install Python {major}.{minor} or newer, or name one with \
                 --python"
            ))),
        }
    }

    /// As in `3.11`.
    pub fn version_text(&self) -> String {
        let [major, minor] = self.version;
        format!("{major}.{minor}")
    }

    /// Makes an environment with pip in this folder.
    pub(crate) fn make_environment(&self, folder: &Path) -> Result<(), InstallError> {
        let mut venv = module::command(&self.path, "venv");
        venv.arg(folder);
        let path = Shown(&self.path);
        match module::run(venv, false) {
            Ok(done) if done.status.success() => Ok(()),
            Ok(done) => {
                let text = done.said;
                if text.contains("No module named venv") || text.contains("ensurepip") {
                    return Err(InstallError::Unsupported(format!(
                        "{path} has no venv module; install it (Debian, Ubuntu: python3-venv), or \
                         name another Python with --python"
                    )));
                }
                let last = text.lines().last().unwrap_or("no reason given");
                Err(InstallError::Failed(format!(
                    "{path} could not make an environment: {last}"
                )))
            }
            Err(error) => Err(InstallError::Failed(format!(
                "{path} cannot be started: {error}"
            ))),
        }
    }
}

fn version(path: &Path) -> Option<[u32; 2]> {
    let output = Command::new(path)
        .args(["-I", "-c", "import sys; print(*sys.version_info[:2])"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.split_whitespace().map(|number| number.parse().ok());
    Some([numbers.next()??, numbers.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_python_is_named() {
        let error = Python::find(Some(Path::new("/no/python")), &[]).expect_err("there is none");
        assert_eq!(
            error.to_string(),
            "--python /no/python: this is no Python that runs"
        );
    }
}
