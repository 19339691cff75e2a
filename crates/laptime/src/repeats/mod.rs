//! A run again and again, each in a process of its own, so that each meets the same: a fresh heap, fresh
//! threads and nothing compiled. How often is fixed before the result is known.

mod again;
mod once;

use std::{sync::Arc, time::Instant};

use laptime_engine::Job;
use laptime_measure::{Run, Watch, measure};

use crate::{
    display::{Line, Plan as RunPlan, show_run},
    failure::Failure,
    live::Live,
    observed::observed_run,
    output::say,
    repeat_plan::{self, MOST_RUNS, PILOT_RUNS, Repeats, Room},
    run_options::RunOptions,
};

pub use again::{Again, is_own};
pub use once::{Once, run_once};

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
    /// Whether the terminal shows it, in a line.
    pub shows_progress: bool,
    /// The picture that shows it, where there is one.
    pub live: Option<&'a Live>,
}

/// What came of repeating.
pub struct Outcome {
    /// The runs, without the cold one.
    pub runs: Vec<Run>,
    /// Whether all were made that were planned.
    pub is_complete: bool,
    /// Why there are no more, where one failed: those before it count all the same.
    pub error: Option<Failure>,
}

impl Repeated<'_> {
    /// Repeats a run that took so long. `keep` gets all runs so far behind each of them.
    pub fn runs(&self, first: &Run, mut keep: impl FnMut(&[Run])) -> Outcome {
        let begin = Instant::now();
        let mut error = None;
        let run_s = self.whole_s(first);
        let mut runs: Vec<Run> = Vec::new();
        let (mut planned, room) = match self.options.repeats {
            Repeats::Fixed(1) | Repeats::Sustain(_) => (0, None),
            Repeats::Fixed(count) => (count, None),
            Repeats::Budget(time) => match Room::of(time, run_s) {
                Some(room) => (PILOT_RUNS, Some(room)),
                None => {
                    self.note(&repeat_plan::one_run_only(time, run_s));
                    (0, None)
                }
            },
        };
        let sustained = match self.options.repeats {
            Repeats::Sustain(time) => Some(time),
            _ => None,
        };
        // A time that was asked for is gone through, whatever the runs say.
        let is_done = |runs: &[Run], planned| match sustained {
            Some(time) => begin.elapsed() >= time || runs.len() as u64 >= MOST_RUNS,
            None => runs.len() as u64 >= planned,
        };
        while !is_done(&runs, planned) && !self.watch.progress.is_stopped() {
            let number = runs.len() as u64 + 1;
            match self.run(
                number,
                (room.is_none() && sustained.is_none()).then_some(planned),
            ) {
                Ok(run) => {
                    runs.push(run);
                    self.show_totals(&runs);
                }
                Err(_) if self.watch.progress.is_stopped() => break,
                Err(failure) => {
                    error = Some(failure);
                    break;
                }
            }
            keep(&runs);
            if runs.len() as u64 == PILOT_RUNS
                && let Some(room) = room
            {
                planned = room.runs(&runs, begin.elapsed());
            }
        }
        Outcome {
            is_complete: is_done(&runs, planned),
            runs,
            error,
        }
    }

    /// Whether a run like this is repeated at all.
    pub fn is_repeated(&self, first: &Run) -> bool {
        match self.options.repeats {
            Repeats::Fixed(count) => count > 1,
            Repeats::Sustain(_) => true,
            Repeats::Budget(time) => Room::of(time, self.whole_s(first)).is_some(),
        }
    }

    /// One more run, of so many, if that is known.
    fn run(&self, number: u64, of: Option<u64>) -> Result<Run, Failure> {
        let engine = &self.options.engine;
        if is_own(engine) {
            let line = Line::new(self.shows_progress);
            line.show(&match of {
                Some(of) => format!("run {number} of {of} …"),
                None => format!("run {number} …"),
            });
            let again = Again {
                engine,
                job: self.job,
                ends: self.options.ends,
                load: &self.options.load,
                telemetry: self.options.telemetry,
            };
            return Ok(again.run(self.watch)?);
        }
        // A framework starts a process for each session.
        let display = show_run(
            self.shows_progress,
            Arc::clone(self.watch),
            RunPlan::of(
                self.job,
                self.options.ends.max_steps,
                number,
                of.unwrap_or(0),
            ),
        );
        let begin = Instant::now();
        let measured = observed_run(self.options.telemetry, || {
            measure(
                engine.engine,
                self.job,
                &engine.device,
                self.options.ends,
                begin,
                self.watch,
                None,
            )
        });
        drop(display);
        Ok(measured?.run)
    }

    /// What a repetition of this run takes, as far as is known: it reads the samples anew.
    fn whole_s(&self, first: &Run) -> f64 {
        first.total_s + self.load_s
    }

    fn show_totals(&self, runs: &[Run]) {
        if let Some(live) = self.live {
            let totals_s = runs.iter().map(|run| run.total_s).collect();
            live.tell(|told| told.totals_s = totals_s);
        }
    }

    fn note(&self, text: &str) {
        if !self.options.quiet {
            say(text);
        }
    }
}
