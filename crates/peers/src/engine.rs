//! A framework as an engine.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, Instant},
};

use laptime_engine::{Device, DeviceKind, Engine, EngineError, Job, Session};

use crate::{
    Framework,
    environment::interpreter,
    process::{PeerProcess, Start},
    protocol::{DeviceReport, Event},
    session::{PeerSession, Ready},
    trial::{self, Choice},
};

/// A framework as an engine. It is asked for its version and devices once.
#[derive(Debug)]
pub struct PeerEngine {
    framework: &'static Framework,
    python: Option<PathBuf>,
    silence: Option<Duration>,
    variant: Option<&'static str>,
    description: OnceLock<Description>,
}

/// What a framework says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) devices: Vec<DeviceReport>,
}

impl PeerEngine {
    /// The engine of a framework; nothing is started yet.
    pub const fn new(framework: &'static Framework) -> Self {
        Self {
            framework,
            python: None,
            silence: None,
            variant: None,
            description: OnceLock::new(),
        }
    }

    /// The engine with this interpreter, whatever is installed.
    pub fn with_python(self, python: PathBuf) -> Self {
        Self {
            python: Some(python),
            ..self
        }
    }

    /// The engine with a framework that is given up when it has said nothing for so long.
    pub fn with_silence(self, silence: Duration) -> Self {
        Self {
            silence: Some(silence),
            ..self
        }
    }

    /// The engine that trains in this way, without trying others.
    pub fn with_variant(self, variant: &'static str) -> Self {
        Self {
            variant: Some(variant),
            ..self
        }
    }

    /// The framework.
    pub fn framework(&self) -> &'static Framework {
        self.framework
    }

    fn start(&self, threads: usize, silence: Option<Duration>) -> Result<PeerProcess, EngineError> {
        let python = match &self.python {
            Some(python) => python.clone(),
            None => interpreter(self.framework)?,
        };
        PeerProcess::start(Start {
            title: self.framework.title,
            python: &python,
            adapter: self.framework.adapter,
            threads,
            silence: silence.or(self.silence),
        })
    }

    fn hello(&self, process: &mut PeerProcess) -> Result<&Description, EngineError> {
        match process.wait()? {
            Event::Hello { versions, devices } => {
                let description = Description { versions, devices };
                Ok(self.description.get_or_init(|| description))
            }
            other => Err(process.unexpected(&other)),
        }
    }

    /// The way in which this job is trained: the only one, the one that won an earlier trial, or the
    /// one that wins now.
    fn choose(
        &self,
        process: &mut PeerProcess,
        folder: &Path,
        job: &Job,
        device: &Device,
    ) -> Result<(String, Option<Choice>), EngineError> {
        if let Some(variant) = self.variant {
            return Ok((variant.to_owned(), None));
        }
        let mut names = PeerSession::variants(process, folder, device)?;
        if names.len() == 1 {
            return Ok((names.remove(0), None));
        }
        let key = self.trial_key(job, device)?;
        let remembered = Choice::remembered(&key).filter(|choice| names.contains(&choice.variant));
        let choice = match remembered {
            Some(choice) => choice,
            None => {
                let outcomes = names.into_iter().map(|name| {
                    let step_s = self.try_out(&name, folder, job, device);
                    (name, step_s)
                });
                let choice = Choice::of(outcomes.collect())?;
                choice.remember(&key);
                choice
            }
        };
        Ok((choice.variant.clone(), Some(choice)))
    }

    /// The seconds a step of one way to train, in a process of its own, so that it can be ended and
    /// leaves nothing behind.
    fn try_out(
        &self,
        variant: &str,
        folder: &Path,
        job: &Job,
        device: &Device,
    ) -> Result<f64, EngineError> {
        let mut process = self.start(job.threads, Some(trial::COMPILE))?;
        self.hello(&mut process)?;
        let ready = Ready {
            variant: variant.to_owned(),
            ..Ready::default()
        };
        let mut session = PeerSession::compile(process, folder, job, device, ready)?;
        trial::step_s(&mut session, job)
    }

    fn trial_key(&self, job: &Job, device: &Device) -> Result<String, EngineError> {
        let versions = format!("{:?}", self.description()?.versions);
        Ok(trial::key(self.framework.adapter, &versions, job, device))
    }

    fn description(&self) -> Result<&Description, EngineError> {
        match self.description.get() {
            Some(description) => Ok(description),
            None => self.hello(&mut self.start(all_processors(), None)?),
        }
    }
}

impl Engine for PeerEngine {
    fn name(&self) -> &'static str {
        self.framework.name
    }

    fn version(&self) -> String {
        let Ok(Description { versions, .. }) = self.description() else {
            return "not installed".into();
        };
        let package = self.framework.package;
        let others: Vec<String> = versions
            .iter()
            .filter(|(name, _)| *name != package)
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        let version = versions.get(package).map_or("unknown", String::as_str);
        format!("{version} ({})", others.join(", "))
    }

    fn devices(&self) -> Result<Vec<Device>, EngineError> {
        let devices = self.description()?.devices.iter();
        Ok(devices
            .map(|device| match DeviceKind::from(device.kind) {
                // Frameworks have no name for a processor.
                DeviceKind::Cpu => Device {
                    kind: DeviceKind::Cpu,
                    name: String::new(),
                    threads: Some(all_processors()),
                    isa: None,
                    driver: None,
                    software: false,
                },
                DeviceKind::Gpu => Device {
                    kind: DeviceKind::Gpu,
                    name: device.name.clone(),
                    threads: None,
                    isa: None,
                    driver: device.driver.clone(),
                    software: false,
                },
            })
            .collect())
    }

    /// Frameworks add up in an order of their own, which may be another in every process.
    fn repeats_exactly(&self) -> bool {
        false
    }

    fn compile(&self, job: &Job, device: &Device) -> Result<Box<dyn Session>, EngineError> {
        if job.threads == 0 {
            let what = "--threads is 0: it takes at least 1".into();
            return Err(EngineError::Unsupported(what));
        }
        let begin = Instant::now();
        let mut process = self.start(job.threads, None)?;
        // While the framework is imported.
        let folder = PeerSession::write_job(&process, job)?;
        self.hello(&mut process)?;
        let start_s = begin.elapsed().as_secs_f64();
        let (variant, choice) = self.choose(&mut process, &folder, job, device)?;
        let ready = Ready {
            variant,
            trial: choice.map(|choice| choice.trial),
            start_s,
            trial_s: begin.elapsed().as_secs_f64() - start_s,
        };
        let session = PeerSession::compile(process, &folder, job, device, ready)?;
        Ok(Box::new(session))
    }

    fn choice(&self, job: &Job, device: &Device) -> Option<String> {
        let key = self.trial_key(job, device).ok()?;
        Choice::remembered(&key).map(|choice| choice.variant)
    }
}

fn all_processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
