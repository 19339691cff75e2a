//! A run again and again, each in a process of its own, so that each meets the same: a fresh heap, fresh
//! threads and nothing compiled. How often is fixed before the result is known.

mod once;
mod plan;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use laptime_engine::{EngineError, Job};
use laptime_measure::{Measurement, Run, Stage, Watch, measure};
use laptime_workload::dataset::DataSource;

use crate::{
    child::{self, Request, RunJob},
    display::{Line, Plan as RunPlan, show_run},
    engines::OwnEngine,
    failure::Failure,
    observed::observed,
    options::RunOptions,
    output::say,
};

pub use once::{Once, run_once};
pub use plan::Repeats;
use plan::{PILOT_RUNS, Room};

/// What a run is repeated with.
pub struct Repeated<'a> {
    /// What the user asked for.
    pub options: &'a RunOptions,
    /// What is trained.
    pub job: &'a Job,
    /// What reading the samples took.
    pub load_s: f64,
    /// How far the run is, and the wish to stop.
    pub watch: &'a Arc<Watch>,
    /// Whether the terminal shows it.
    pub shows_progress: bool,
}

/// What came of repeating.
pub struct Outcome {
    /// The runs, without the cold one.
    pub runs: Vec<Run>,
    /// Whether all were made that were planned.
    pub is_complete: bool,
}

impl Repeated<'_> {
    /// Repeats a run that took so long. `keep` gets all runs so far behind each of them.
    ///
    /// # Errors
    /// Where a run fails.
    pub fn runs(&self, first: &Run, mut keep: impl FnMut(&[Run])) -> Result<Outcome, Failure> {
        let begin = Instant::now();
        let run_s = first.total_s + self.load_s;
        let mut runs: Vec<Run> = Vec::new();
        let (mut planned, room) = match self.options.repeats {
            Repeats::Fixed(1) => (0, None),
            Repeats::Fixed(count) => (count, None),
            Repeats::Budget(time) => match Room::of(time, run_s) {
                Some(room) => (PILOT_RUNS, Some(room)),
                None => {
                    self.note(&plan::one_run_only(time, run_s));
                    (0, None)
                }
            },
        };
        while (runs.len() as u64) < planned {
            if self.watch.progress.is_stopped() {
                break;
            }
            let number = runs.len() as u64 + 1;
            match self.run(number, room.is_none().then_some(planned)) {
                Ok(run) => runs.push(run),
                Err(_) if self.watch.progress.is_stopped() => break,
                Err(failure) => return Err(failure),
            }
            keep(&runs);
            if runs.len() as u64 == PILOT_RUNS
                && let Some(room) = room
            {
                planned = room.runs(&runs, begin.elapsed());
            }
        }
        Ok(Outcome {
            is_complete: runs.len() as u64 == planned,
            runs,
        })
    }

    /// One more run, of so many, if that is known.
    fn run(&self, number: u64, of: Option<u64>) -> Result<Run, Failure> {
        let engine = &self.options.engine;
        if engine.engine.name() == OwnEngine::NAME {
            return self.run_in_a_child(number, of);
        }
        // A framework starts a process for each session.
        let display = show_run(
            self.shows_progress,
            Arc::clone(self.watch),
            RunPlan::of(self.job, self.options.max_steps, number, of.unwrap_or(0)),
        );
        let begin = Instant::now();
        let (measured, telemetry) = observed(self.options.telemetry, || {
            measure(
                engine.engine,
                self.job,
                &engine.device,
                self.options.max_steps,
                begin,
                self.watch,
                None,
            )
        });
        drop(display);
        let Measurement { run, .. } = measured?;
        Ok(Run { telemetry, ..run })
    }

    fn run_in_a_child(&self, number: u64, of: Option<u64>) -> Result<Run, Failure> {
        let line = Line::new(self.shows_progress);
        let text = match of {
            Some(of) => format!("run {number} of {of} …"),
            None => format!("run {number} …"),
        };
        line.show(&text);
        self.watch.enter(Stage::Repeating);
        let engine = &self.options.engine;
        let request = Request::Run(RunJob {
            workload: (*self.job.workload).clone(),
            engine: engine.engine.name().into(),
            device: engine.device.clone(),
            threads: self.job.threads,
            passes: self.job.passes.clone(),
            max_steps: self.options.max_steps,
            is_synthetic: self.job.dataset.source == DataSource::Synthetic,
            data_dir: self.options.load.data_dir.clone().map(Into::into),
            telemetry: self.options.telemetry,
        });
        let failed = |why: &str| {
            EngineError::Failed(format!("run {number} in a process of its own: {why}")).into()
        };
        let answer = child::ask(&request).map_err(|error| failed(&error.to_string()))?;
        let Ok(once) = serde_json::from_slice::<Once>(&answer.output) else {
            let said = answer.errors.trim();
            return Err(failed(if said.is_empty() {
                "it ended without a result"
            } else {
                said
            }));
        };
        // The files may have been replaced since.
        if once.dataset_sha256 != self.job.dataset.sha256 {
            return Err(failed("it found other samples than the first run"));
        }
        Ok(once.run)
    }

    fn note(&self, text: &str) {
        if !self.options.quiet {
            say(text);
        }
    }
}

/// In words, for a line of notes.
fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}
