//! Installs a framework in an environment of its own, exact to the hash of every wheel.
//!
//! Everything is made in a folder beside its place and moved there when the framework has been
//! imported from it once: an install that fails or is interrupted leaves nothing that could be taken
//! for one.

mod lock;
mod module;
mod python;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use laptime_engine::Engine;
use laptime_workload::{Shown, directories::NoDirectory, folder::folder_of, own_file};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

pub use lock::{Lock, Variant, platform};
pub use python::Python;

use crate::{
    FRAMEWORKS, Framework, PeerEngine, children,
    environment::{MARKER, State, environment_dir, python_in, state},
};

/// Why a framework could not be installed: one line with advice.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The user can mend it.
    #[error("{0}")]
    Unsupported(String),
    /// It broke off.
    #[error("{0}")]
    Failed(String),
    /// The user did not want to wait for it; nothing is left of it.
    #[error("interrupted; nothing was installed")]
    Interrupted,
    /// There is no place for it.
    #[error(transparent)]
    NoDirectory(#[from] NoDirectory),
}

/// What an environment's marker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The framework's version, with those of its libraries and of Python.
    pub version: String,
    /// Which variant of its packages.
    pub variant: String,
}

/// An installation that is about to begin.
#[derive(Debug)]
pub struct Plan {
    framework: &'static Framework,
    python: Python,
    lock: &'static Lock,
    place: PathBuf,
}

/// What a framework has in its place, if it is installed and its interpreter is still there.
pub fn installed(framework: &Framework) -> Result<Option<Installed>, InstallError> {
    let folder = environment_dir(framework)?;
    if state(&folder) != State::Complete {
        return Ok(None);
    }
    let marker = own_file::read(&folder.join(MARKER)).unwrap_or_default();
    Ok(serde_json::from_slice(&marker).ok())
}

/// Whether a framework was installed, and cannot run since its interpreter is gone.
pub fn is_broken(framework: &Framework) -> Result<bool, InstallError> {
    Ok(state(&environment_dir(framework)?) == State::Broken)
}

/// Removes a framework's environment, and what an install that was killed has left; false where there
/// was no environment.
pub fn remove(framework: &Framework) -> Result<bool, InstallError> {
    let place = environment_dir(framework)?;
    if !folder_of(&place).exists() {
        return Ok(false);
    }
    let _claim = claim(framework, folder_of(&place))?;
    remove_environment(&place)
}

/// Removes the environment in this place; false where there is none.
fn remove_environment(place: &Path) -> Result<bool, InstallError> {
    if !place.exists() {
        return Ok(false);
    }
    // Without its marker it is no environment, however far the rest comes.
    let _ = fs::remove_file(place.join(MARKER));
    fs::remove_dir_all(place).map_err(|error| {
        InstallError::Failed(format!("{}: cannot be removed: {error}", Shown(place)))
    })?;
    Ok(true)
}

/// Claims a framework's environment until the file is dropped: one process at a time installs or
/// removes it. What earlier installs left behind that were ended by force is nobody's then, and is
/// removed.
fn claim(framework: &Framework, parent: &Path) -> Result<File, InstallError> {
    let path = parent.join(format!(".{}.lock", framework.environment));
    let failed = |what: String| InstallError::Failed(format!("{}: {what}", Shown(&path)));
    let file = own_file::open_lock(&path)
        .map_err(|error| failed(format!("cannot be written: {error}")))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(InstallError::Failed(format!(
                "{} is being installed or removed by another process; wait for its end",
                framework.title
            )));
        }
        Err(TryLockError::Error(error)) => {
            return Err(failed(format!("cannot be locked: {error}")));
        }
    }
    for folder in left_over(parent, framework) {
        let _ = fs::remove_dir_all(folder);
    }
    Ok(file)
}

/// Removes what installs that were killed have left. What cannot be removed is another user's, or still
/// being installed.
pub fn sweep_all() {
    for framework in FRAMEWORKS {
        let Ok(place) = environment_dir(framework) else {
            return;
        };
        let parent = folder_of(&place);
        if left_over(parent, framework).next().is_some() {
            // Whoever has the claim has swept.
            let _ = claim(framework, parent);
        }
    }
}

impl Plan {
    /// Finds a Python, and the packages for it on this platform.
    pub fn new(
        framework: &'static Framework,
        variant: Variant,
        python: Option<&Path>,
    ) -> Result<Self, InstallError> {
        let lock = lock::find(framework, variant, platform())?;
        let python = Python::find(python, &lock.pythons())?;
        lock.check_python(framework, &python)?;
        Ok(Self {
            framework,
            python,
            lock,
            place: environment_dir(framework)?,
        })
    }

    /// The folder that it will be in.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// What is to be downloaded, at most: what pip has in its cache is not downloaded again.
    pub fn download_bytes(&self) -> u64 {
        self.lock.download_bytes()
    }

    /// What is to be downloaded instead for processors alone, where that is less by gigabytes.
    pub fn cpu_download_bytes(&self) -> Option<u64> {
        if self.lock.variant != Variant::Default {
            return None;
        }
        let lock = lock::find(self.framework, Variant::Cpu, self.lock.platform).ok()?;
        let bytes = lock.download_bytes();
        (bytes + (1 << 30) < self.download_bytes()).then_some(bytes)
    }

    /// The space that is left where it will be, where the system tells.
    pub fn free_bytes(&self) -> Option<u64> {
        #[cfg(unix)]
        {
            let place = self.place.ancestors().find(|folder| folder.exists())?;
            let disk = nix::sys::statvfs::statvfs(place).ok()?;
            #[allow(clippy::unnecessary_cast, reason = "the types differ between systems")]
            Some(disk.blocks_available() as u64 * disk.fragment_size() as u64)
        }
        #[cfg(not(unix))]
        None
    }

    /// The Python that it will use.
    pub fn python(&self) -> &Python {
        &self.python
    }

    /// Installs; pip shows its progress on standard error. Ends soon, and leaves nothing, where all
    /// children are ended meanwhile.
    pub fn install(&self) -> Result<Installed, InstallError> {
        match self.install_beside() {
            // Whatever has failed did so because its process was ended.
            Err(_) if children::have_ended() => Err(InstallError::Interrupted),
            other => other,
        }
    }

    fn install_beside(&self) -> Result<Installed, InstallError> {
        let parent = folder_of(&self.place);
        let unwritable = |error: io::Error| {
            InstallError::Failed(format!("{}: cannot be written: {error}", Shown(parent)))
        };
        fs::create_dir_all(parent).map_err(unwritable)?;
        let _claim = claim(self.framework, parent)?;
        let folder = tempfile::Builder::new()
            .prefix(&unfinished(self.framework))
            .tempdir_in(parent)
            .map_err(unwritable)?;
        self.python.make_environment(folder.path())?;
        self.fill(folder.path())?;
        let installed = self.try_out(folder.path())?;
        if children::have_ended() {
            return Err(InstallError::Interrupted);
        }
        let text = serde_json::to_string_pretty(&installed).unwrap_or_default();
        fs::write(folder.path().join(MARKER), text).map_err(unwritable)?;
        remove_environment(&self.place)?;
        fs::rename(folder.path(), &self.place).map_err(unwritable)?;
        // It has moved: there is nothing to clean up.
        let _ = TempDir::keep(folder);
        Ok(installed)
    }

    /// Has pip install the locked wheels.
    fn fill(&self, environment: &Path) -> Result<(), InstallError> {
        let title = self.framework.title;
        let lock = environment.join("requirements.txt");
        fs::write(&lock, self.lock.text).map_err(|error| {
            InstallError::Failed(format!("{}: cannot be written: {error}", Shown(&lock)))
        })?;
        // pip unpacks gigabytes, for which many systems' place of temporary files is too small.
        let unpacked = environment.join("unpacked");
        fs::create_dir(&unpacked).map_err(|error| {
            InstallError::Failed(format!("{}: cannot be made: {error}", Shown(&unpacked)))
        })?;
        let mut pip = module::command(&python_in(environment), "pip");
        pip.arg("install")
            // The lock has all that is needed; nothing is built, nothing is taken unchecked.
            .args(["--require-hashes", "--only-binary", ":all:", "--no-deps"])
            .args(["--disable-pip-version-check", "--no-input", "--no-compile"])
            .arg("--requirement")
            .arg(&lock)
            .env("TMPDIR", &unpacked);
        let failed = |what: String| InstallError::Failed(format!("{title}: {what}"));
        let done =
            module::run(pip, true).map_err(|error| failed(format!("pip cannot run: {error}")))?;
        if !done.status.success() {
            return Err(failed(why_pip_failed(&done.said)));
        }
        let _ = fs::remove_dir_all(unpacked);
        Ok(())
    }

    /// Imports the framework once, and asks for its version.
    fn try_out(&self, environment: &Path) -> Result<Installed, InstallError> {
        let engine = PeerEngine::new(self.framework).with_python(python_in(environment));
        engine
            .devices()
            .map_err(|error| InstallError::Failed(error.to_string()))?;
        Ok(Installed {
            version: engine.version(),
            variant: self.lock.variant.to_string(),
        })
    }
}

/// How the names of a framework's unfinished environments begin.
fn unfinished(framework: &Framework) -> String {
    format!(".{}-unfinished-", framework.environment)
}

/// The unfinished environments of a framework.
fn left_over(parent: &Path, framework: &Framework) -> impl Iterator<Item = PathBuf> + use<> {
    let prefix = unfinished(framework);
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(move |entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path())
}

/// pip's many lines in one.
fn why_pip_failed(errors: &str) -> String {
    // Where a version is missing, pip says the same as where it could not ask: `from versions: none`.
    const NO_NETWORK: [&str; 7] = [
        "NewConnectionError",
        "NameResolutionError",
        "Network is unreachable",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ProxyError",
        "SSLError",
    ];
    let last = errors
        .lines()
        .rev()
        .find(|line| line.starts_with("ERROR:"))
        .map_or("pip failed", |line| line.trim_start_matches("ERROR: "));
    if NO_NETWORK.iter().any(|word| errors.contains(word)) {
        return "the package index cannot be reached; check the network, or the proxy that pip is \
                told of (PIP_PROXY, PIP_INDEX_URL)"
            .into();
    }
    if errors.contains("No space left on device") {
        return "the disk is full".into();
    }
    if errors.contains("No matching distribution") {
        return format!("there is no wheel for this system: {last}");
    }
    if errors.contains("DO NOT MATCH THE HASHES") {
        return "a package is not the one that was locked, and was not installed".into();
    }
    last.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pips_many_lines_become_one() {
        let table = [
            (
                "WARNING: Retrying … NewConnectionError('…')\nERROR: Could not find a version",
                "the package index cannot be reached",
            ),
            (
                "ERROR: Could not find x (from versions: none)\n\
                 ERROR: No matching distribution found for mlx==1",
                "there is no wheel for this system: No matching distribution found for mlx==1",
            ),
            (
                "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n jax",
                "a package is not the one that was locked",
            ),
            ("ERROR: something else", "something else"),
            ("", "pip failed"),
        ];
        for (errors, why) in table {
            let found = why_pip_failed(errors);
            assert!(found.starts_with(why), "{found}");
        }
    }
}
