//! The fastest of the processor and all real adapters, by trial or from memory.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use laptime_engine::{
    Device, DeviceKind, Engine,
    trial::{self, Budget, Tried},
};
use laptime_graph::TrainingStep;
use laptime_results::{Candidate, DeviceTrial};
use serde::{Deserialize, Serialize};

use super::{Chosen, Wish, by_trial};
use crate::{args::DeviceArg, failure::Failure};

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
            why: self.trial.as_ref().map(|trial| {
                let name = |one: &Candidate| one.device.name.clone();
                by_trial::why(&self.argument, trial, name)
            }),
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
        let job = by_trial::job(wish);
        let jobs: Vec<_> = devices
            .iter()
            .map(|one| (job.clone(), one.clone()))
            .collect();
        let tried = trial::try_each(engine, &jobs, budget(wish));
        // What failed is worth another look each time.
        if let Some(file) = file.as_ref().filter(|_| is_good(&tried)) {
            by_trial::keep(file, &tried);
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
    let of = |candidate: usize| devices[candidate].clone();
    let trial = by_trial::record(start, remembered, tried, of);
    let (device, argument) = candidates.swap_remove(best);
    Ok(Choice {
        trial: Some(trial),
        ..Choice::plain(device, argument)
    })
}

fn budget(wish: &Wish) -> Budget {
    let workload = wish.workload;
    let samples = workload.epoch_samples(workload.dataset.description().train_samples);
    Budget {
        least: TRIAL,
        training_steps: (workload.epochs * samples.div_ceil(workload.batch_size)) as u64,
    }
}

/// The file of a choice of these devices.
fn file(wish: &Wish, devices: &[Device], cache: &Path) -> Option<PathBuf> {
    let program = TrainingStep::of(wish.workload, wish.workload.batch_size).last;
    let machine = format!("{devices:?}");
    by_trial::file(cache, "device-choices", wish, &program, &machine)
}

/// Whether every candidate has a time.
fn is_good(tried: &[Tried]) -> bool {
    tried.iter().all(|one| one.step_s.is_some())
}

/// What cannot be read, or makes no sense, is as good as nothing.
fn read(file: &Path, candidates: usize) -> Option<Vec<Tried>> {
    let tried: Vec<Tried> = by_trial::read(file)?;
    let is_whole = tried.len() == candidates && tried.iter().all(|one| one.candidate < candidates);
    (is_whole && is_good(&tried)).then_some(tried)
}
