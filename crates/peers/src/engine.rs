//! A framework as an engine.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use laptime_engine::{Device, Engine, EngineError, Job, Session};

use crate::{
    Framework,
    description::{Description, all_processors},
    environment::interpreter,
    process::{PeerProcess, Speaker, Start},
    protocol::{DeviceReport, Event},
    session::{PeerSession, Ready},
    trial::{self, Choice, Way},
};

/// A framework as an engine. It is asked for its version and devices once.
#[derive(Debug)]
pub struct PeerEngine {
    framework: &'static Framework,
    python: Option<PathBuf>,
    silence: Option<Duration>,
    variant: Option<&'static str>,
    description: OnceLock<Description>,
    choices: Mutex<BTreeMap<String, Choice>>,
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
            choices: Mutex::new(BTreeMap::new()),
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

    fn start(&self, threads: usize, is_trial: bool) -> Result<PeerProcess, EngineError> {
        let python = match &self.python {
            Some(python) => python.clone(),
            None => interpreter(self.framework)?,
        };
        PeerProcess::start(Start {
            title: self.framework.title,
            speaker: Speaker::Adapter {
                python: &python,
                source: self.framework.adapter,
            },
            threads,
            silence: is_trial.then_some(trial::COMPILE).or(self.silence),
            shares_compiled: !is_trial,
        })
    }

    fn hello(&self, process: &mut PeerProcess) -> Result<&Description, EngineError> {
        match process.wait()? {
            Event::Hello {
                versions, devices, ..
            } => {
                let describe = || Description::new(versions, devices);
                Ok(self.description.get_or_init(describe))
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
        report: &DeviceReport,
    ) -> Result<(String, Option<Choice>), EngineError> {
        if let Some(variant) = self.variant {
            return Ok((variant.to_owned(), None));
        }
        let mut names = PeerSession::variants(process, folder, report)?;
        if names.len() == 1 {
            return Ok((names.remove(0), None));
        }
        let key = self.trial_key(job, device)?;
        let known = self
            .known(&key)
            .filter(|choice| names.contains(&choice.variant));
        let choice = match known {
            Some(choice) => choice,
            None => {
                let ways = names.into_iter().map(|name| {
                    let way = self.ready_to_try(&name, folder, job, device, report);
                    (name, way)
                });
                let choice = Choice::of(trial::compare(ways.collect()))?;
                choice.remember(&key);
                self.choices().insert(key, choice.clone());
                choice
            }
        };
        Ok((choice.variant.clone(), Some(choice)))
    }

    /// One way to train, compiled in a process of its own, so that it can be ended and leaves nothing
    /// behind.
    fn ready_to_try(
        &self,
        variant: &str,
        folder: &Path,
        job: &Job,
        device: &Device,
        report: &DeviceReport,
    ) -> Result<Way, EngineError> {
        let mut process = self.start(job.threads, true)?;
        self.hello(&mut process)?;
        let ready = Ready {
            variant: variant.to_owned(),
            ..Ready::default()
        };
        let session = PeerSession::compile(process, folder, job, device, report, ready)?;
        Ok(trial::way(session, job))
    }

    /// What an earlier trial has found: one of this process first of all, so that all runs of a race
    /// are of the same way.
    fn known(&self, key: &str) -> Option<Choice> {
        let of_this_process = self.choices().get(key).cloned();
        let known = of_this_process.or_else(|| Choice::remembered(key))?;
        self.choices().insert(key.to_owned(), known.clone());
        Some(known)
    }

    fn choices(&self) -> MutexGuard<'_, BTreeMap<String, Choice>> {
        self.choices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trial_key(&self, job: &Job, device: &Device) -> Result<String, EngineError> {
        let versions = format!("{:?}", self.description()?.versions);
        Ok(trial::key(self.framework.adapter, &versions, job, device))
    }

    fn description(&self) -> Result<&Description, EngineError> {
        match self.description.get() {
            Some(description) => Ok(description),
            None => self.hello(&mut self.start(all_processors(), false)?),
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
        Ok(self.description()?.devices())
    }

    /// Frameworks add up in an order of their own, which may be another in every process.
    fn repeats_exactly(&self) -> bool {
        false
    }

    fn follows_order(&self) -> bool {
        self.framework.follows_order
    }

    fn compile(&self, job: &Job, device: &Device) -> Result<Box<dyn Session>, EngineError> {
        if job.threads == 0 {
            let what = "--threads is 0: it takes at least 1".into();
            return Err(EngineError::Unsupported(what));
        }
        if job.workload.micro_batch_size.is_some() && !self.framework.accumulates {
            return Err(EngineError::Unsupported(format!(
                "--engine {} adds up no gradients over micro-batches: leave micro_batch_size out, or take another engine",
                self.framework.name
            )));
        }
        if job.workload.drop_last && !self.framework.follows_order {
            return Err(EngineError::Unsupported(format!(
                "--engine {} shuffles for itself and trains on all samples: leave drop_last out, or take another engine",
                self.framework.name
            )));
        }
        PeerSession::check_is_plain(self.framework.name, job)?;
        let begin = Instant::now();
        let mut process = self.start(job.threads, false)?;
        // While the framework is imported.
        let folder = PeerSession::write_job(&process, job)?;
        let report = self.hello(&mut process)?.report(device)?;
        let start_s = begin.elapsed().as_secs_f64();
        let (variant, choice) = self.choose(&mut process, &folder, job, device, &report)?;
        let ready = Ready {
            variant,
            trial: choice.map(|choice| choice.trial),
            start_s,
            trial_s: begin.elapsed().as_secs_f64() - start_s,
        };
        let session = PeerSession::compile(process, &folder, job, device, &report, ready)?;
        Ok(Box::new(session))
    }

    fn choice(&self, job: &Job, device: &Device) -> Option<String> {
        let key = self.trial_key(job, device).ok()?;
        self.known(&key).map(|choice| choice.variant)
    }
}
