//! One run: a workload compiled, trained and tested once, with the clock beside it.
//!
//! The clock is [`Instant`], monotonic wall time. Engines return from `compile`, `train` and
//! `evaluate` only when their device has finished, so that it is synchronised at both ends.

use std::time::Instant;

use laptime_engine::{Device, Engine, EngineError, Job, Score, Session};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Checkpoints, Divergence, Phases, Resumption, SoFar, Stage, Watch,
    goal::{Goal, GoalOutcome},
    memory,
    metric::{Epoch, EpochFile, Metrics, Test, TestFile},
    statistics::{percentile, steady_state},
    step_series::StepSeries,
    telemetry::Telemetry,
};

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
    #[schemars(with = "Vec<EpochFile>")]
    pub epochs: Vec<Epoch>,
    /// Percentiles over all training steps; null where the engine's steps cannot be seen.
    pub step_s: Option<StepSeconds>,
    /// The score on the test samples behind the last epoch; null where the run was interrupted.
    #[schemars(with = "Option<TestFile>")]
    pub test: Option<Test>,
    /// Whether the training came to its end, and the test was left out on purpose.
    #[serde(default)]
    pub untested: bool,
    /// The most memory that the process which trains has had resident by the end of this run,
    /// without the gate, but with the copies of the state that checkpoints take; null where the
    /// system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// Where it was taken up again from a checkpoint; empty for a run in one go. All times and
    /// scores are those of all its parts together, as they were measured; what was trained behind
    /// a checkpoint and lost with its process is in none of them.
    #[serde(default)]
    pub resumed: Vec<Resumption>,
    /// Where a loss was not finite for the first time; null where all losses of the training were.
    #[serde(default)]
    pub diverged: Option<Divergence>,
    /// Whether it is the first of several, which met caches and clocks as they were: it is shown apart
    /// and counts for no summary.
    #[serde(default)]
    pub cold: bool,
    /// From where on steps took the same time; null where there is no such place, or they cannot be seen.
    #[serde(default)]
    pub steady: Option<SteadySteps>,
    /// The steps in their order; null where the engine does not let them be seen.
    #[serde(default)]
    pub step_series: Option<StepSeries>,
    /// What became of the score that was to be reached; null where the epochs were given.
    #[serde(default)]
    pub goal: Option<GoalOutcome>,
    /// What the machine did meanwhile; null where nobody looked.
    #[serde(default)]
    pub telemetry: Option<Telemetry>,
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

/// The steps that took the same time, to the end of the training, as changepoints tell them from those
/// before (E. Barrett et al.: "Virtual Machine Warmup Blows Hot and Cold", OOPSLA 2017).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SteadySteps {
    /// The first of them, from 0.
    pub from_step: u64,
    /// The mean of their seconds.
    pub mean_s: f64,
}

/// Where a training ends before its last epoch, if it does.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Ends {
    /// Behind so many steps.
    pub max_steps: Option<u64>,
    /// Behind the epoch in which this score is reached.
    pub goal: Option<Goal>,
    /// Before the test, which is left out.
    pub no_test: bool,
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

    /// Whether it was not interrupted: it was tested, or was not to be.
    pub fn is_whole(&self) -> bool {
        self.test.is_some() || self.untested
    }

    /// Whether any loss, of the training or of the test, is not finite.
    pub fn is_diverged(&self) -> bool {
        let mut epochs = self.epochs.iter();
        self.diverged.is_some()
            // In records of earlier builds the losses alone tell.
            || epochs.any(|epoch| !epoch.metrics.loss().is_finite())
            || self.test.as_ref().is_some_and(|test| !test.metrics.loss().is_finite())
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

/// Compiles, trains and tests a job once. `ends` may cut the training short; a wish to stop in
/// `watch` ends it behind the step it is in, and what was done until then is reported.
/// `begin` is where the run's `wall_s` begins. `checkpoints` may have it go on where an earlier one
/// ended, and keep it while it goes on.
///
/// # Errors
/// Where the engine cannot compile or run the job.
pub fn measure(
    engine: &dyn Engine,
    job: &Job,
    device: &Device,
    ends: Ends,
    begin: Instant,
    watch: &Watch,
    mut checkpoints: Option<&mut dyn Checkpoints>,
) -> Result<Measurement, EngineError> {
    let start = Instant::now();
    watch.enter(Stage::Compiling);
    let mut session = engine.compile(job, device)?;
    let (start_s, trial_s) = (session.start_s(), session.trial_s());
    let prepare_s = session.prepare_s();
    let compiled_s = start.elapsed().as_secs_f64() - start_s - trial_s;
    let mut part = Part {
        begin,
        start,
        phases: Phases {
            start_s,
            trial_s,
            prepare_s,
            compile_s: (compiled_s - prepare_s).max(0.0),
            ..Phases::default()
        },
        before: SoFar::nothing(),
    };
    if let Some(checkpoints) = &mut checkpoints {
        let start = Instant::now();
        part.before = checkpoints.resume(session.as_mut())?;
        part.phases.checkpoint_s += start.elapsed().as_secs_f64();
    }

    let mut so_far = part.before.clone();
    let mut training = Training {
        job,
        ends,
        watch,
        checkpoints,
        session: session.as_mut(),
        tests: Vec::new(),
    };
    training.train(&mut so_far, &mut part)?;
    let tests = training.tests;
    // Of a training towards a goal, the last epoch has its score.
    let test = match tests.len() == so_far.epochs.len() && !tests.is_empty() {
        true => tests.last().cloned(),
        false if ends.no_test => None,
        false => test(session.as_mut(), job, watch, &mut part.phases)?,
    };
    let untested = ends.no_test && !watch.progress.is_stopped();
    part.tell(session.as_ref(), &mut so_far);

    let metrics = job.workload.loss.metrics();
    let is_complete = so_far.epochs.len() == job.workload.epochs && test.is_some();
    let goal = ends.goal.map(|goal| goal.outcome(&so_far.epochs, tests));
    let run = Run {
        seed: job.workload.seed,
        wall_s: so_far.wall_s,
        total_s: so_far.total_s,
        phases: so_far.phases,
        step_s: so_far.step_s.as_deref().and_then(step_percentiles),
        steady: so_far.step_s.as_deref().and_then(steady_steps),
        step_series: so_far.step_s.as_deref().and_then(StepSeries::of),
        goal,
        test,
        untested,
        peak_memory_bytes: so_far.peak_memory_bytes,
        epochs: [
            so_far.epochs.as_slice(),
            so_far.part_of_epoch(metrics).as_slice(),
        ]
        .concat(),
        resumed: so_far.resumed,
        diverged: so_far.diverged,
        cold: false,
        telemetry: None,
    };
    Ok(Measurement {
        run,
        session,
        is_complete,
    })
}

/// The clock of one part of a run: from its start, or from where it was taken up again, on.
struct Part {
    /// Where the part's `wall_s` begins.
    begin: Instant,
    /// Where the part's total begins.
    start: Instant,
    /// The phases of the part; all but `other_s`, which is the rest at any time.
    phases: Phases,
    /// All parts before.
    before: SoFar,
}

impl Part {
    /// Writes the times until now, with those of the parts before.
    fn tell(&self, session: &dyn Session, so_far: &mut SoFar) {
        let now = Instant::now();
        let outside_s = self.phases.start_s + self.phases.trial_s + self.phases.checkpoint_s;
        let total_s = (now - self.start).as_secs_f64() - outside_s;
        so_far.total_s = self.before.total_s + total_s;
        so_far.phases = self.before.phases + self.phases.with_rest_of(total_s);
        so_far.wall_s = self.before.wall_s + (now - self.begin).as_secs_f64();
        let peak = session.peak_memory_bytes().or_else(memory::peak_bytes);
        so_far.peak_memory_bytes = self.before.peak_memory_bytes.max(peak);
    }
}

/// The part of a run between compiling and testing.
struct Training<'a, 'b> {
    job: &'a Job,
    ends: Ends,
    watch: &'a Watch,
    checkpoints: Option<&'b mut dyn Checkpoints>,
    session: &'a mut dyn Session,
    /// The scores after each epoch, where one of them may end the training.
    tests: Vec<Test>,
}

impl Training<'_, '_> {
    /// Trains from where the run is to the end: of the last epoch, or where it is cut short.
    fn train(&mut self, so_far: &mut SoFar, part: &mut Part) -> Result<(), EngineError> {
        let workload = &self.job.workload;
        let train_samples = self.job.dataset.train.count();
        let samples = workload.epoch_samples(train_samples);
        let batch_size = workload.batch_size as u64;
        let epoch_steps = (samples as u64).div_ceil(batch_size);
        let max_steps = self.ends.max_steps.unwrap_or(u64::MAX);
        let mut kept_at = so_far.steps(epoch_steps, batch_size);
        let progress = &self.watch.progress;
        while so_far.epochs.len() < workload.epochs {
            let epoch = so_far.epochs.len();
            let order = workload.epoch_order(epoch, train_samples);
            let steps_before = epoch as u64 * epoch_steps;
            // The sample of this epoch that has so many steps of the run before it.
            let sample_behind = |step: u64| {
                let behind = step.saturating_sub(steps_before).saturating_mul(batch_size);
                behind.min(samples as u64)
            };
            let end = sample_behind(max_steps);
            let samples_before = (epoch * samples) as u64;
            self.watch.enter(Stage::Training {
                epoch,
                epoch_samples: end,
                samples_before,
            });
            while so_far.score.samples < end && !progress.is_stopped() {
                let step = so_far.steps(epoch_steps, batch_size);
                let every = self.checkpoints.as_ref().and_then(|it| it.every_steps());
                let keep_at = every.map_or(u64::MAX, |every| (step / every + 1) * every);
                let from = so_far.score.samples;
                let to = end.min(sample_behind(keep_at));

                progress.tell(so_far.score);
                let start = Instant::now();
                let report = self
                    .session
                    .train(&order[from as usize..to as usize], progress)?;
                let train_s = start.elapsed().as_secs_f64();
                let done = report.score.samples;
                if !(from..=to).contains(&done) {
                    return Err(EngineError::Failed(format!(
                        "the engine told of {done} samples of the epoch where {from} were trained \
                         on before and {to} were to be by now"
                    )));
                }
                if done == from {
                    break;
                }

                part.phases.train_s += train_s;
                so_far.epoch_s += train_s;
                so_far.notice_divergence(&report, batch_size);
                so_far.score = report.score;
                so_far.add_steps(report.step_s);
                if so_far.score.samples == samples as u64 {
                    so_far.end_epoch(workload.loss.metrics());
                    break;
                }
                if so_far.steps(epoch_steps, batch_size) == keep_at {
                    self.keep(so_far, part)?;
                    kept_at = keep_at;
                }
            }
            if so_far.epochs.len() == epoch {
                break;
            }
            self.keep(so_far, part)?;
            kept_at = steps_before + epoch_steps;
            if self.has_reached_its_goal(part)? {
                break;
            }
        }
        if so_far.steps(epoch_steps, batch_size) > kept_at {
            self.keep(so_far, part)?;
        }
        Ok(())
    }

    /// Scores the test samples, where that may end the training.
    fn has_reached_its_goal(&mut self, part: &mut Part) -> Result<bool, EngineError> {
        let Some(goal) = self.ends.goal else {
            return Ok(false);
        };
        let scored = test(self.session, self.job, self.watch, &mut part.phases)?;
        let Some(scored) = scored else {
            return Ok(true);
        };
        let is_reached = goal.is_reached(&scored);
        self.tests.push(scored);
        Ok(is_reached)
    }

    fn keep(&mut self, so_far: &mut SoFar, part: &mut Part) -> Result<(), EngineError> {
        let Some(checkpoints) = &mut self.checkpoints else {
            return Ok(());
        };
        part.tell(self.session, so_far);
        let start = Instant::now();
        checkpoints.keep(self.session, so_far)?;
        part.phases.checkpoint_s += start.elapsed().as_secs_f64();
        Ok(())
    }
}

/// Scores the test samples; no score where there is the wish to stop.
fn test(
    session: &mut dyn Session,
    job: &Job,
    watch: &Watch,
    phases: &mut Phases,
) -> Result<Option<Test>, EngineError> {
    if watch.progress.is_stopped() {
        return Ok(None);
    }
    watch.enter(Stage::Testing);
    let start = Instant::now();
    let score: Score = session.evaluate(&watch.progress)?;
    phases.test_s += start.elapsed().as_secs_f64();
    // The score over some of the samples would be taken for that over all.
    let is_whole = score.samples == job.dataset.test.count() as u64;
    Ok(is_whole.then(|| Test {
        metrics: Metrics::of(&score, job.workload.loss.metrics()),
    }))
}

/// The steady steps, if any.
fn steady_steps(seconds: &[f32]) -> Option<SteadySteps> {
    let seconds: Vec<f64> = seconds.iter().copied().map(f64::from).collect();
    let from_step = steady_state(&seconds).steady_from_step?;
    let steady = &seconds[from_step..];
    Some(SteadySteps {
        from_step: from_step as u64,
        mean_s: steady.iter().sum::<f64>() / steady.len() as f64,
    })
}

fn step_percentiles(seconds: &[f32]) -> Option<StepSeconds> {
    let seconds: Vec<f64> = seconds.iter().copied().map(f64::from).collect();
    Some(StepSeconds {
        p50: percentile(&seconds, 50.0)?,
        p95: percentile(&seconds, 95.0)?,
        p99: percentile(&seconds, 99.0)?,
    })
}
