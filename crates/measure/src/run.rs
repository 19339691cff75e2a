//! One run: a workload compiled, trained and tested once, with the clock beside it.
//!
//! The clock is [`Instant`], monotonic wall time. Engines return from `compile`, `train` and
//! `evaluate` only when their device has finished, so that it is synchronised at both ends.

use std::time::Instant;

use laptime_engine::{Device, Engine, EngineError, EpochReport, Job, Score, Session};
use laptime_workload::epoch_order;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Phases, Stage, Watch, memory, statistics::percentile};

/// The raw times and scores of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The seed of initial weights and orders.
    pub seed: u64,
    /// From the start of the process, or from the end of the run before, to the result of this
    /// run; with loading and the gate, which the total leaves out.
    pub wall_s: f64,
    /// Prepare, compile, train, test and the rest between them: what the scripts of 2020 print as
    /// "Training and testing took X seconds".
    pub total_s: f64,
    /// Where the time went.
    pub phases: Phases,
    /// Every epoch that was begun, in order.
    pub epochs: Vec<Epoch>,
    /// Percentiles over all training steps; null where the engine's steps cannot be seen.
    pub step_s: Option<StepSeconds>,
    /// The score on the test samples behind the last epoch; null where the run was interrupted.
    pub test: Option<Test>,
    /// The most memory that the process which trains has had resident by the end of this run,
    /// without the gate; null where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
}

/// One epoch of training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Epoch {
    /// Wall time.
    pub train_s: f64,
    /// The mean loss over the samples as they were trained on, as Keras shows it.
    pub loss: f64,
    /// The share of them that was right, 0 to 1.
    pub accuracy: f64,
    /// How many samples were trained on; fewer than the dataset has where the epoch was cut.
    pub samples: u64,
}

/// Percentiles of the seconds of a training step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepSeconds {
    /// The median.
    pub p50: f64,
    /// 95 % of the steps take no longer.
    pub p95: f64,
    /// 99 % of the steps take no longer.
    pub p99: f64,
}

/// The score on the test samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Test {
    /// The mean loss.
    pub loss: f64,
    /// The share that was right, 0 to 1.
    pub accuracy: f64,
}

impl Run {
    /// The samples trained on in all epochs.
    pub fn trained_samples(&self) -> u64 {
        self.epochs.iter().map(|epoch| epoch.samples).sum()
    }

    /// The training throughput; 0 where nothing was trained.
    pub fn samples_per_s(&self) -> f64 {
        let train_s = self.phases.train_s;
        if train_s > 0.0 {
            self.trained_samples() as f64 / train_s
        } else {
            0.0
        }
    }
}

/// A run and the session it leaves behind, with the trained parameters.
pub struct Measurement {
    /// The times and scores.
    pub run: Run,
    /// The session, behind its last step.
    pub session: Box<dyn Session>,
    /// Whether every epoch was trained and the test samples scored.
    pub is_complete: bool,
}

/// Compiles, trains and tests a job once. `max_steps` cuts the training short; a wish to stop in
/// `watch` ends it behind the step it is in, and what was done until then is reported.
/// `begin` is where the run's `wall_s` begins.
///
/// # Errors
/// Where the engine cannot compile or run the job.
pub fn measure(
    engine: &dyn Engine,
    job: &Job,
    device: &Device,
    max_steps: Option<u64>,
    begin: Instant,
    watch: &Watch,
) -> Result<Measurement, EngineError> {
    let workload = &job.workload;
    let start = Instant::now();
    watch.enter(Stage::Compiling);
    let mut session = engine.compile(job, device)?;
    let (start_s, trial_s) = (session.start_s(), session.trial_s());
    let prepare_s = session.prepare_s();
    let compiled_s = start.elapsed().as_secs_f64() - start_s - trial_s;

    let mut epochs = Vec::with_capacity(workload.epochs);
    let mut train_s = 0.0;
    let mut step_s = Some(Vec::new());
    let mut steps_left = max_steps.unwrap_or(u64::MAX);
    let mut is_complete = true;
    let mut samples_before = 0;
    for epoch in 0..workload.epochs {
        let samples = job.dataset.train.count();
        let mut order = epoch_order(workload.seed, epoch, samples, workload.shuffle);
        let steps = samples.div_ceil(workload.batch_size) as u64;
        if steps_left < steps {
            order.truncate(steps_left as usize * workload.batch_size);
            is_complete = false;
        }
        if order.is_empty() || watch.progress.is_stopped() {
            is_complete = false;
            break;
        }
        steps_left = steps_left.saturating_sub(steps);
        watch.enter(Stage::Training {
            epoch,
            epoch_samples: order.len() as u64,
            samples_before,
        });
        let epoch_start = Instant::now();
        let report = session.train(&order, &watch.progress)?;
        let epoch_s = epoch_start.elapsed().as_secs_f64();
        train_s += epoch_s;
        samples_before += report.score.samples;
        is_complete &= report.score.samples == order.len() as u64;
        epochs.extend(epoch_of(&report, epoch_s));
        collect(&mut step_s, report.step_s);
    }

    let (test, test_s) = test(session.as_mut(), job, watch)?;
    let total_s = start.elapsed().as_secs_f64() - start_s - trial_s;
    let run = Run {
        seed: workload.seed,
        wall_s: begin.elapsed().as_secs_f64(),
        total_s,
        phases: Phases {
            start_s,
            trial_s,
            ..Phases::of_total(
                total_s,
                prepare_s,
                (compiled_s - prepare_s).max(0.0),
                train_s,
                test_s,
            )
        },
        epochs,
        step_s: step_s.and_then(|seconds| step_percentiles(&seconds)),
        test,
        peak_memory_bytes: session.peak_memory_bytes().or_else(memory::peak_bytes),
    };
    is_complete &= run.test.is_some();
    Ok(Measurement {
        run,
        session,
        is_complete,
    })
}

/// Scores the test samples; no score where there is the wish to stop.
fn test(
    session: &mut dyn Session,
    job: &Job,
    watch: &Watch,
) -> Result<(Option<Test>, f64), EngineError> {
    if watch.progress.is_stopped() {
        return Ok((None, 0.0));
    }
    watch.enter(Stage::Testing);
    let start = Instant::now();
    let score: Score = session.evaluate(&watch.progress)?;
    let test_s = start.elapsed().as_secs_f64();
    // The score over some of the samples would be taken for that over all.
    let is_whole = score.samples == job.dataset.test.count() as u64;
    let test = is_whole.then(|| Test {
        loss: score.loss(),
        accuracy: score.accuracy(),
    });
    Ok((test, test_s))
}

/// What is reported of an epoch; nothing of one without a step.
fn epoch_of(report: &EpochReport, train_s: f64) -> Option<Epoch> {
    (report.score.samples > 0).then(|| Epoch {
        train_s,
        loss: report.score.loss(),
        accuracy: report.score.accuracy(),
        samples: report.score.samples,
    })
}

/// Adds the steps of one epoch; where those of any epoch are unseen, there are none at all.
fn collect(all: &mut Option<Vec<f64>>, epoch: Option<Vec<f32>>) {
    match (all.as_mut(), epoch) {
        (Some(all), Some(epoch)) => all.extend(epoch.into_iter().map(f64::from)),
        _ => *all = None,
    }
}

fn step_percentiles(seconds: &[f64]) -> Option<StepSeconds> {
    Some(StepSeconds {
        p50: percentile(seconds, 50.0)?,
        p95: percentile(seconds, 95.0)?,
        p99: percentile(seconds, 99.0)?,
    })
}
