//! Trials: which of several devices, numbers of threads or ways to compile does a job's steps the fastest, measured.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use laptime_workload::epoch_order;
use serde::{Deserialize, Serialize};

use crate::{Device, Engine, EngineError, Job, Progress};

/// Batches that the job's samples should have for a trial: enough that a device which does many
/// steps at a time can show it.
pub const BATCHES: usize = 64;

/// How one candidate did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Its place among the candidates.
    pub candidate: usize,
    /// Seconds a step; `None` where it failed.
    pub step_s: Option<f64>,
    /// The loss of a batch behind one update from that batch.
    pub loss: Option<f64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What a trial may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// At least so long.
    pub least: Duration,
    /// Steps of the whole training: where it is long, a better choice is worth more.
    pub training_steps: u64,
}

impl Tried {
    /// Seconds a step, or why there are none.
    fn of(candidate: usize, outcome: Result<Steps, String>) -> Self {
        match outcome {
            Ok(Steps { step_s, loss }) => Self {
                candidate,
                step_s: Some(step_s),
                loss: Some(loss).filter(|loss| loss.is_finite()),
                error: None,
            },
            Err(error) => Self::failed(candidate, error),
        }
    }

    /// One that failed for this reason.
    pub fn failed(candidate: usize, error: String) -> Self {
        Self {
            candidate,
            step_s: None,
            loss: None,
            error: Some(error),
        }
    }
}

/// What is enough to time steps in: more tells nothing new.
const ENOUGH: Duration = Duration::from_millis(600);

/// The share of the training that a trial may take.
const SHARE: f64 = 0.02;

impl Budget {
    /// What the trial may take in all where a step takes so long.
    fn of_steps(&self, step_s: f64) -> Duration {
        let training_s = step_s * self.training_steps as f64;
        let share = Duration::try_from_secs_f64(SHARE * training_s).unwrap_or(self.least);
        share.max(self.least)
    }
}

/// Some training steps of one candidate.
struct Steps {
    step_s: f64,
    loss: f64,
}

/// Compiles each of the candidates, a job and its device, and times some of its training steps. In their order.
///
/// The first is taken to be safe: it may take as long as it needs for two steps, which tell what
/// the training is. The others share what is left, and one that does not come to an end by then has
/// failed, however good it might have been: drivers may take minutes to compile, or hang. It is left
/// to itself, for the end of the process to end it.
pub fn try_each(
    engine: &'static (dyn Engine + Sync),
    candidates: &[(Job, Device)],
    budget: Budget,
) -> Vec<Tried> {
    let each = budget.least / candidates.len().max(1) as u32;
    let mut share = each;
    let mut tried: Vec<Tried> = Vec::new();
    for (candidate, (job, device)) in candidates.iter().enumerate() {
        let outcome = if candidate == 0 {
            steps(engine, job, device, share).map_err(|error| error.to_string())
        } else {
            steps_before(engine, job, device, share)
        };
        if let (0, Ok(Steps { step_s, .. })) = (candidate, &outcome) {
            let others = candidates.len().saturating_sub(1).max(1) as u32;
            share = (budget.of_steps(*step_s) - each) / others;
        }
        tried.push(Tried::of(candidate, outcome));
    }
    tried
}

/// Times some training steps with each of these numbers of threads of a processor. In their order.
pub fn try_threads(
    engine: &dyn Engine,
    job: &Job,
    device: &Device,
    candidates: &[usize],
    least: Duration,
) -> Vec<Tried> {
    let share = least / candidates.len().max(1) as u32;
    let try_one = |(candidate, threads): (usize, &usize)| {
        let job = Job {
            threads: *threads,
            ..job.clone()
        };
        let outcome = steps(engine, &job, device, share);
        Tried::of(candidate, outcome.map_err(|error| error.to_string()))
    };
    candidates.iter().enumerate().map(try_one).collect()
}

/// The steps, or why there is no answer before the deadline.
fn steps_before(
    engine: &'static (dyn Engine + Sync),
    job: &Job,
    device: &Device,
    deadline: Duration,
) -> Result<Steps, String> {
    let (tell, told) = mpsc::channel();
    let (job, device) = (job.clone(), device.clone());
    let candidate = thread::Builder::new().name("trial".into());
    let started = candidate.spawn(move || {
        // Nobody listens any more where the deadline is over.
        let _ = tell.send(steps(engine, &job, &device, deadline * 3 / 4));
    });
    started.map_err(|error| format!("cannot start a thread: {error}"))?;
    match told.recv_timeout(deadline) {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(mpsc::RecvTimeoutError::Timeout) => {
            Err(format!("not ready after {:.1} s", deadline.as_secs_f64()))
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("panicked".into()),
    }
}

/// The candidate with the shortest step; of equals the first. `None` where all failed.
pub fn fastest(tried: &[Tried]) -> Option<usize> {
    let finished = tried
        .iter()
        .filter_map(|one| Some((one.step_s?, one.candidate)));
    let best = finished.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    best.map(|(_, candidate)| candidate)
}

/// Some steps. Seconds are of the fastest of several stretches, because whatever else the machine does only ever makes
/// a stretch longer.
fn steps(
    engine: &dyn Engine,
    job: &Job,
    device: &Device,
    share: Duration,
) -> Result<Steps, EngineError> {
    let begin = Instant::now();
    let mut session = engine.compile(job, device)?;
    let batch_size = job.workload.batch_size;
    let samples = job.dataset.train.count() / batch_size * batch_size;
    let order = epoch_order(job.workload.seed, 0, samples, job.workload.shuffle);
    // The first step of all finds cold caches. The second is of the same batch.
    session.train(&order[..batch_size], &Progress::new())?;
    let mut steps = 1;
    let mut best = f64::INFINITY;
    let mut loss = None;
    let timed = Instant::now();
    loop {
        let start = Instant::now();
        let report = session.train(&order[..steps * batch_size], &Progress::new())?;
        let took = start.elapsed();
        best = best.min(took.as_secs_f64() / steps as f64);
        let loss = *loss.get_or_insert_with(|| report.score.loss());
        steps = (2 * steps).min(samples / batch_size);
        if begin.elapsed() + 2 * took > share || timed.elapsed() + 2 * took > ENOUGH {
            return Ok(Steps { step_s: best, loss });
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
            loss: None,
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

    #[test]
    fn a_long_training_is_worth_a_longer_trial() {
        let budget = |training_steps| Budget {
            least: Duration::from_secs(2),
            training_steps,
        };
        // Fashion-MNIST: 18,750 steps of 0.1 ms are done within two seconds.
        assert_eq!(budget(18_750).of_steps(1e-4), Duration::from_secs(2));
        // ResNet50: 15,630 steps of 100 ms.
        assert_eq!(budget(15_630).of_steps(0.1).as_secs_f64().round(), 31.0);
        assert_eq!(budget(1).of_steps(f64::NAN), Duration::from_secs(2));
    }
}
