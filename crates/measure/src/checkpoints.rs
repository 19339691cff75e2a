//! What it takes to end a run in one process and go on with it in another.

use laptime_engine::{EngineError, EpochReport, Score, Session, Tally};
use laptime_workload::MetricEntry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Divergence, Epoch, Phases, metric::Metrics};

/// Keeps a run while it goes on. Its time is outside the run's total, in `checkpoint_s`.
pub trait Checkpoints {
    /// Keeps the run behind every so many steps, and behind every epoch in any case.
    fn every_steps(&self) -> Option<u64>;

    /// Sets a session that has just been compiled to where the run was last kept, and says what
    /// had been done by then; does nothing and says nothing where the run begins anew.
    ///
    /// # Errors
    /// Where the session does not take the state.
    fn resume(&mut self, session: &mut dyn Session) -> Result<SoFar, EngineError>;

    /// Keeps the session's state and what has been done. That it cannot be written is no error of
    /// the run, which goes on.
    ///
    /// # Errors
    /// Where the session does not give its state.
    fn keep(&mut self, session: &mut dyn Session, so_far: &SoFar) -> Result<(), EngineError>;
}

/// What a run has done by some moment between two steps, in all its parts. With the session's state
/// it is all that the rest of the run depends on: the orders of samples follow from the seed and
/// the epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct SoFar {
    /// The epochs that are done.
    pub epochs: Vec<Epoch>,
    /// The score of the epoch that is not.
    pub score: Score,
    /// The seconds of training in the epoch that is not done.
    pub epoch_s: f64,
    /// The seconds of every step, where all could be seen.
    pub step_s: Option<Vec<f32>>,
    /// What the total is by then.
    pub total_s: f64,
    /// Where the time went, but for what the checkpoint that is being made takes.
    pub phases: Phases,
    /// From the start of each part's process to its last checkpoint.
    pub wall_s: f64,
    /// The most memory that any part has had.
    pub peak_memory_bytes: Option<u64>,
    /// Where it was taken up again.
    pub resumed: Vec<Resumption>,
    /// Where a loss was not finite for the first time.
    pub diverged: Option<Divergence>,
}

/// A run was taken up again from a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resumption {
    /// The training steps done by then, from the beginning of the run.
    pub step: u64,
    /// What trained until then, where that was something else than from then on: the bits may not
    /// be those of a run in one go. Null where engine, build and device were the same.
    pub before: Option<String>,
}

impl SoFar {
    /// Nothing yet.
    pub fn nothing() -> Self {
        Self {
            epochs: Vec::new(),
            score: Score::default(),
            epoch_s: 0.0,
            step_s: Some(Vec::new()),
            total_s: 0.0,
            phases: Phases::default(),
            wall_s: 0.0,
            peak_memory_bytes: None,
            resumed: Vec::new(),
            diverged: None,
        }
    }

    /// The steps done, of a training with so many steps an epoch and samples a step.
    pub fn steps(&self, epoch_steps: u64, batch_size: u64) -> u64 {
        self.epochs.len() as u64 * epoch_steps + self.score.samples.div_ceil(batch_size)
    }

    /// What is reported of the epoch that is not done; nothing of one without a step.
    pub(crate) fn part_of_epoch(&self, entries: &[MetricEntry]) -> Option<Epoch> {
        (self.score.samples > 0).then(|| Epoch {
            train_s: self.epoch_s,
            metrics: Metrics::of(&self.score, entries),
            samples: self.score.samples,
        })
    }

    /// Ends the epoch.
    pub(crate) fn end_epoch(&mut self, entries: &[MetricEntry]) {
        self.epochs.extend(self.part_of_epoch(entries));
        (self.score, self.epoch_s) = (Score::default(), 0.0);
    }

    /// Notices where the loss of the epoch ceased to be finite, if that was in this report, which goes
    /// on from the score until now, and never before.
    pub(crate) fn notice_divergence(&mut self, report: &EpochReport, batch_size: u64) {
        // An engine may not say where.
        let mut tally = Tally::from(self.score);
        tally.reach(report.score);
        let place = report.not_finite.or(tally.not_finite);
        let divergence = place.map(|it| Divergence::of(it, self.epochs.len(), batch_size));
        self.diverged = self.diverged.or(divergence);
    }

    /// Adds the seconds of some steps; where any are unseen, there are none at all.
    pub(crate) fn add_steps(&mut self, step_s: Option<Vec<f32>>) {
        match (&mut self.step_s, step_s) {
            (Some(all), Some(some)) => all.extend(some),
            (all, _) => *all = None,
        }
    }
}
