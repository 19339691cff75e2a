//! The device trial: which of several devices does this job's steps the fastest, measured.

use std::time::{Duration, Instant};

use laptime_workload::epoch_order;
use serde::{Deserialize, Serialize};

use crate::{Device, Engine, EngineError, Job, Progress};

/// Batches that the job's samples should have for a trial: enough that a device which does many
/// steps at a time can show it.
pub const BATCHES: usize = 64;

/// How one device did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Its place among the candidates.
    pub candidate: usize,
    /// Seconds a step; `None` where it failed.
    pub step_s: Option<f64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Compiles the job for each of the candidates and times some training steps on it, within the time
/// budget as far as single steps and the compiling allow. In the order of the candidates.
pub fn try_devices(
    engine: &dyn Engine,
    job: &Job,
    candidates: &[Device],
    budget: Duration,
) -> Vec<Tried> {
    let share = budget / candidates.len().max(1) as u32;
    let one = |(candidate, device): (usize, &Device)| match step_s(engine, job, device, share) {
        Ok(step_s) => Tried {
            candidate,
            step_s: Some(step_s),
            error: None,
        },
        Err(error) => Tried {
            candidate,
            step_s: None,
            error: Some(error.to_string()),
        },
    };
    candidates.iter().enumerate().map(one).collect()
}

/// The candidate with the shortest step; of equals the first. `None` where all failed.
pub fn fastest(tried: &[Tried]) -> Option<usize> {
    let finished = tried
        .iter()
        .filter_map(|one| Some((one.step_s?, one.candidate)));
    let best = finished.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    best.map(|(_, candidate)| candidate)
}

/// Seconds a step: of the fastest of several stretches, because whatever else the machine does only
/// ever makes a stretch longer.
fn step_s(
    engine: &dyn Engine,
    job: &Job,
    device: &Device,
    share: Duration,
) -> Result<f64, EngineError> {
    let begin = Instant::now();
    let mut session = engine.compile(job, device)?;
    let batch_size = job.workload.batch_size;
    let samples = job.dataset.train.count() / batch_size * batch_size;
    let order = epoch_order(job.workload.seed, 0, samples, job.workload.shuffle);
    let progress = Progress::new();
    // The first step of all finds cold caches, and tells how many fit into the time.
    let mut steps = 1;
    let mut best: Option<f64> = None;
    session.train(&order[..batch_size], &progress)?;
    loop {
        let start = Instant::now();
        session.train(&order[..steps * batch_size], &progress)?;
        let took = start.elapsed();
        let step_s = took.as_secs_f64() / steps as f64;
        best = Some(best.map_or(step_s, |best| best.min(step_s)));
        steps = (2 * steps).min(samples / batch_size);
        if begin.elapsed() + 2 * took > share {
            return Ok(best.unwrap_or(step_s));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_wins_and_the_failed_is_out() {
        let tried = |candidate, step_s| Tried {
            candidate,
            step_s,
            error: None,
        };
        let table = [
            (vec![tried(0, Some(2.0)), tried(1, Some(1.0))], Some(1)),
            (vec![tried(0, Some(1.0)), tried(1, Some(1.0))], Some(0)),
            (vec![tried(0, None), tried(1, Some(9.0))], Some(1)),
            (vec![tried(0, None)], None),
        ];
        for (tried, best) in table {
            assert_eq!(fastest(&tried), best, "{tried:?}");
        }
    }
}
