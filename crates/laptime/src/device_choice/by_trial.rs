//! What choices by trial have in common, of a device, of a number of threads or of matrix units: what is tried, what a
//! record and the user are told, and where the next choice finds it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use laptime_engine::{
    Device, Job,
    trial::{self, Tried},
};
use laptime_graph::Program;
use laptime_results::{Candidate, DeviceTrial};
use laptime_workload::{dataset::synthetic, directories, hexadecimal, own_file};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::Wish;
use crate::{device_facts::device_facts, verdicts::this_build};

/// Few synthetic samples, and no more than there will be anyway: the trial is of the steps, and before anyone has
/// looked whether memory suffices.
pub fn job(wish: &Wish) -> Job {
    let workload = wish.workload;
    let description = workload.dataset.description();
    let samples = trial::BATCHES * workload.batch_size;
    let samples = samples.min(description.train_samples);
    Job {
        workload: Arc::clone(workload),
        dataset: Arc::new(synthetic(description, samples.max(workload.batch_size), 1)),
        threads: wish.threads,
        passes: wish.passes.clone(),
        profile: false,
    }
}

/// What a record says of a trial of these devices that has begun then.
pub fn record(
    start: Instant,
    remembered: bool,
    tried: Vec<Tried>,
    device: impl Fn(usize) -> Device,
) -> DeviceTrial {
    let candidates = tried.into_iter().map(|one| Candidate {
        device: device_facts(&device(one.candidate)),
        step_s: one.step_s,
        error: one.error,
    });
    DeviceTrial {
        candidates: candidates.collect(),
        trial_s: start.elapsed().as_secs_f64(),
        remembered,
    }
}

/// `trains on gpu:0, the fastest by trial: AMD … 0.077 ms a step, NVIDIA … 0.041 ms a step`.
pub fn why(best: &str, trial: &DeviceTrial, name: impl Fn(&Candidate) -> String) -> String {
    let one = |one: &Candidate| {
        let name = name(one);
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
    format!("trains on {best}, the fastest {how}: {}", all.join(", "))
}

/// The file of a choice in this folder of the cache: named by the digest of all that it depends on.
pub fn file(
    cache: &Path,
    folder: &str,
    wish: &Wish,
    program: &Program,
    machine: &str,
) -> Option<PathBuf> {
    let key = format!(
        "{}\n{}\n{machine}\n{} threads\n{:?}",
        this_build()?,
        program.digest(),
        wish.threads,
        wish.passes,
    );
    let digest = hexadecimal(&Sha256::digest(key.as_bytes()));
    Some(cache.join(folder).join(digest + ".json"))
}

/// What a file keeps; what cannot be read is as good as nothing.
pub fn read<T: DeserializeOwned>(file: &Path) -> Option<T> {
    serde_json::from_slice(&own_file::read(file).ok()?).ok()
}

/// Keeps it in the file; what cannot be kept is tried again the next time.
pub fn keep(file: &Path, known: &impl Serialize) {
    if let Ok(text) = serde_json::to_vec(known) {
        let _ = directories::keep(file, &text);
    }
}
