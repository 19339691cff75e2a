//! The fastest of the processor and all real adapters, by trial or from memory.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use laptime_engine::{
    Device, DeviceKind, Engine, Job,
    trial::{self, Budget, Tried},
};
use laptime_graph::TrainingStep;
use laptime_results::{Candidate, DeviceTrial};
use laptime_workload::{dataset::synthetic, directories::keep, hexadecimal, own_file};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Chosen, Wish};
use crate::{args::DeviceArg, device_facts::device_facts, failure::Failure, verdicts::this_build};

/// What a trial may take at least, outside all totals.
const TRIAL: Duration = Duration::from_secs(2);

/// A device, as one process tells another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The device.
    pub device: Device,
    /// What names it on the command line.
    pub argument: String,
    /// What the choice was made by, where there was one.
    pub trial: Option<DeviceTrial>,
}

impl Choice {
    /// A device that was no choice.
    pub fn plain(device: Device, argument: DeviceArg) -> Self {
        Self {
            device,
            argument: argument.to_string(),
            trial: None,
        }
    }

    /// The choice with the line that says why.
    pub fn into_chosen(self) -> Result<Chosen, Failure> {
        let argument = self
            .argument
            .parse()
            .map_err(|what| Failure::Failed(format!("--device {}: {what}", self.argument)))?;
        Ok(Chosen {
            device: self.device,
            argument,
            why: self.trial.as_ref().map(|trial| why(&self.argument, trial)),
            warning: None,
            trial: self.trial,
        })
    }
}

/// Tries the processor and all real adapters, or finds in `cache` what an earlier trial of the same
/// gave.
pub fn fastest(
    engine: &'static (dyn Engine + Sync),
    wish: &Wish,
    cache: Option<&Path>,
) -> Result<Choice, Failure> {
    let start = Instant::now();
    let mut adapters = 0;
    let mut candidates: Vec<(Device, DeviceArg)> = Vec::new();
    for mut device in engine.devices()? {
        let argument = match device.kind {
            DeviceKind::Cpu => DeviceArg::Cpu,
            DeviceKind::Gpu => {
                adapters += 1;
                DeviceArg::Gpu(Some(adapters - 1))
            }
        };
        if device.kind == DeviceKind::Cpu && device.name.is_empty() {
            device.name = wish.cpu.to_owned();
        }
        if !device.software {
            candidates.push((device, argument));
        }
    }
    if candidates.len() < 2 {
        let only = candidates.into_iter().next();
        return only
            .map(|(device, argument)| Choice::plain(device, argument))
            .ok_or_else(|| Failure::Usage("--device auto: there is no device here".into()));
    }
    let devices: Vec<Device> = candidates
        .iter()
        .map(|(device, _)| device.clone())
        .collect();
    let file = cache.and_then(|cache| file(wish, &devices, cache));
    let known = file.as_ref().and_then(|file| read(file, devices.len()));
    let remembered = known.is_some();
    let tried = known.unwrap_or_else(|| {
        let tried = trial::try_devices(engine, &job(wish), &devices, budget(wish));
        // What failed is worth another look each time; what cannot be kept is tried again.
        if let Some(file) = file.as_ref().filter(|_| is_good(&tried))
            && let Ok(text) = serde_json::to_vec(&tried)
        {
            let _ = keep(file, &text);
        }
        tried
    });
    let Some(best) = trial::fastest(&tried) else {
        let errors: Vec<String> = tried.into_iter().filter_map(|one| one.error).collect();
        return Err(Failure::Failed(format!(
            "no device can train: {}",
            errors.join("; ")
        )));
    };
    let trial = DeviceTrial {
        trial_s: start.elapsed().as_secs_f64(),
        remembered,
        candidates: tried
            .into_iter()
            .map(|one| Candidate {
                device: device_facts(&devices[one.candidate]),
                step_s: one.step_s,
                error: one.error,
            })
            .collect(),
    };
    let (device, argument) = candidates.swap_remove(best);
    Ok(Choice {
        trial: Some(trial),
        ..Choice::plain(device, argument)
    })
}

/// Few synthetic samples: the trial is of the steps.
fn job(wish: &Wish) -> Job {
    let workload = wish.workload;
    let samples = trial::BATCHES * workload.batch_size;
    Job {
        workload: Arc::clone(workload),
        dataset: Arc::new(synthetic(workload.dataset.description(), samples, 1)),
        threads: wish.threads,
        passes: wish.passes.clone(),
        profile: false,
    }
}

fn budget(wish: &Wish) -> Budget {
    let workload = wish.workload;
    let samples = workload.epoch_samples(workload.dataset.description().train_samples);
    Budget {
        least: TRIAL,
        training_steps: (workload.epochs * samples.div_ceil(workload.batch_size)) as u64,
    }
}

/// `trains on gpu:0, the fastest by trial: AMD … 0.077 ms a step, NVIDIA … 0.041 ms a step`.
fn why(argument: &str, trial: &DeviceTrial) -> String {
    let one = |one: &Candidate| {
        let name = &one.device.name;
        match (one.step_s, &one.error) {
            (Some(step_s), _) => format!("{name} {:.3} ms a step", 1e3 * step_s),
            (None, error) => format!(
                "{name} failed ({})",
                error.as_deref().unwrap_or("no reason")
            ),
        }
    };
    let all: Vec<String> = trial.candidates.iter().map(one).collect();
    let how = if trial.remembered {
        "by an earlier trial"
    } else {
        "by trial"
    };
    format!(
        "trains on {argument}, the fastest {how}: {}",
        all.join(", ")
    )
}

/// The file of a choice: named by the digest of all that it depends on.
fn file(wish: &Wish, devices: &[Device], cache: &Path) -> Option<PathBuf> {
    let program = TrainingStep::of(wish.workload, wish.workload.batch_size).last;
    let key = format!(
        "{}\n{}\n{devices:?}\n{} threads\n{:?}",
        this_build()?,
        program.digest(),
        wish.threads,
        wish.passes,
    );
    let digest = hexadecimal(&Sha256::digest(key.as_bytes()));
    Some(cache.join("device-choices").join(digest + ".json"))
}

/// Whether every candidate has a time.
fn is_good(tried: &[Tried]) -> bool {
    tried.iter().all(|one| one.step_s.is_some())
}

/// What cannot be read, or makes no sense, is as good as nothing.
fn read(file: &Path, candidates: usize) -> Option<Vec<Tried>> {
    let tried: Vec<Tried> = serde_json::from_slice(&own_file::read(file).ok()?).ok()?;
    let is_whole = tried.len() == candidates && tried.iter().all(|one| one.candidate < candidates);
    (is_whole && is_good(&tried)).then_some(tried)
}
