//! A program of the user's own as an engine: it speaks the line protocol (`docs/engine-protocol.md`).

use std::{
    fs,
    path::{Path, PathBuf, absolute},
    sync::OnceLock,
    time::Instant,
};

use laptime_engine::{Device, Engine, EngineError, Job, Session};
use laptime_workload::Shown;

use crate::{
    description::{Description, all_processors},
    process::{PeerProcess, Speaker, Start},
    protocol::{Event, VERSION},
    session::{PeerSession, Ready},
};

/// A program of the user's own as an engine. It is asked for its name, version and devices once.
#[derive(Debug)]
pub struct ProgramEngine {
    /// The file's name, which is the engine's in records.
    name: &'static str,
    path: PathBuf,
    introduction: OnceLock<Introduction>,
}

/// What a program says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Introduction {
    name: String,
    version: String,
    pub(crate) description: Description,
}

impl ProgramEngine {
    /// The engine of the program at this path, which is one from the current folder where it is relative;
    /// nothing is started yet.
    ///
    /// # Errors
    /// Where there is no such file, or it is no program: what is wrong, to stand behind the path.
    pub fn new(path: &Path) -> Result<Self, String> {
        let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
        if !metadata.is_file() {
            return Err("this is not a file".into());
        }
        #[cfg(unix)]
        if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 == 0 {
            return Err("this file is not executable; make it so with chmod +x".into());
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            // One for each program that a command line names.
            name: String::from(name).leak(),
            // No link is resolved: a program may know by its place what belongs to it.
            path: absolute(path).map_err(|error| error.to_string())?,
            introduction: OnceLock::new(),
        })
    }

    /// The program, from the root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Starts the program, which has said nothing yet.
    pub(crate) fn start(&self, threads: usize) -> Result<PeerProcess, EngineError> {
        PeerProcess::start(Start {
            title: self.name,
            speaker: Speaker::Program(&self.path),
            threads,
            silence: None,
            shares_compiled: true,
        })
    }

    /// Hears what a program says first.
    pub(crate) fn hello(&self, process: &mut PeerProcess) -> Result<&Introduction, EngineError> {
        let (protocol, name, version, versions, devices) = match process.wait()? {
            Event::Hello {
                protocol,
                name,
                version,
                versions,
                devices,
            } => (protocol, name, version, versions, devices),
            other => return Err(process.unexpected(&other)),
        };
        let wrong = |what: String| {
            let path = Shown(&self.path);
            Err(EngineError::Unsupported(format!("{path} {what}")))
        };
        match protocol {
            Some(VERSION) => {}
            Some(other) => {
                return wrong(format!(
                    "speaks version {other} of the engine protocol, and this laptime version {VERSION}; \
                     change the program, or use a laptime that speaks its version"
                ));
            }
            None => return wrong("says hello without a version of the protocol".into()),
        }
        let (Some(name), Some(version)) = (name, version) else {
            return wrong("says hello without its name or version".into());
        };
        if name.trim().is_empty() || version.trim().is_empty() {
            return wrong("says hello with an empty name or version".into());
        }
        if devices.is_empty() {
            return wrong("says hello without a device".into());
        }
        Ok(self.introduction.get_or_init(|| Introduction {
            name,
            version,
            description: Description::new(versions, devices),
        }))
    }

    fn introduction(&self) -> Result<&Introduction, EngineError> {
        match self.introduction.get() {
            Some(introduction) => Ok(introduction),
            None => self.hello(&mut self.start(all_processors())?),
        }
    }
}

impl Engine for ProgramEngine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> String {
        let Ok(Introduction {
            name,
            version,
            description,
        }) = self.introduction()
        else {
            return "unknown".into();
        };
        let others = description.versions.iter();
        let others: Vec<String> = others.map(|(name, it)| format!("{name} {it}")).collect();
        match others.is_empty() {
            true => format!("{name} {version}"),
            false => format!("{name} {version} ({})", others.join(", ")),
        }
    }

    fn devices(&self) -> Result<Vec<Device>, EngineError> {
        Ok(self.introduction()?.description.devices())
    }

    /// Nobody has promised it.
    fn repeats_exactly(&self) -> bool {
        false
    }

    fn compile(&self, job: &Job, device: &Device) -> Result<Box<dyn Session>, EngineError> {
        if job.threads == 0 {
            let what = "--threads is 0: it takes at least 1".into();
            return Err(EngineError::Unsupported(what));
        }
        PeerSession::check_is_plain(self.name, job)?;
        let begin = Instant::now();
        let mut process = self.start(job.threads)?;
        let folder = PeerSession::write_job(&process, job)?;
        let report = self.hello(&mut process)?.description.report(device)?;
        let ready = Ready {
            start_s: begin.elapsed().as_secs_f64(),
            ..Ready::default()
        };
        let session = PeerSession::compile(process, &folder, job, device, &report, ready)?;
        Ok(Box::new(session))
    }
}
