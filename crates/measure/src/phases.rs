//! Where the time of a run went.

use std::ops::Add;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The phases of a run, in seconds of monotonic wall time. All but `load_s`, `start_s`,
/// `trial_s` and `checkpoint_s` add up to the total, because `other_s` is what the others leave of
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Phases {
    /// Reading and parsing the dataset; outside the total. 0 in every run but the first, which
    /// leaves the samples in memory.
    pub load_s: f64,
    /// Starting a framework's process and importing its libraries; outside the total. 0 for engines
    /// that are part of laptime.
    #[serde(default)]
    pub start_s: f64,
    /// Trying out which of a framework's ways to train is the fastest here; outside the total.
    /// Nearly 0 where that is known from an earlier trial, or there is only one.
    #[serde(default)]
    pub trial_s: f64,
    /// Scaling pixels and encoding labels; nearly 0 where that is fused into training.
    pub prepare_s: f64,
    /// From the model to a session that is ready for its first step.
    pub compile_s: f64,
    /// All epochs of training.
    pub train_s: f64,
    /// Scoring the test samples.
    pub test_s: f64,
    /// The rest of the total: making the orders of samples, collecting times.
    pub other_s: f64,
    /// Writing checkpoints, and taking up the one that the run was resumed from; outside the total.
    #[serde(default)]
    pub checkpoint_s: f64,
}

/// The phases of two parts of a run together.
impl Add for Phases {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            load_s: self.load_s + other.load_s,
            start_s: self.start_s + other.start_s,
            trial_s: self.trial_s + other.trial_s,
            prepare_s: self.prepare_s + other.prepare_s,
            compile_s: self.compile_s + other.compile_s,
            train_s: self.train_s + other.train_s,
            test_s: self.test_s + other.test_s,
            other_s: self.other_s + other.other_s,
            checkpoint_s: self.checkpoint_s + other.checkpoint_s,
        }
    }
}

impl Phases {
    /// The phases of a run that took `total_s` and whose named parts are known.
    pub fn of_total(
        total_s: f64,
        prepare_s: f64,
        compile_s: f64,
        train_s: f64,
        test_s: f64,
    ) -> Self {
        Self {
            load_s: 0.0,
            start_s: 0.0,
            trial_s: 0.0,
            prepare_s,
            compile_s,
            train_s,
            test_s,
            other_s: 0.0,
            checkpoint_s: 0.0,
        }
        .with_rest_of(total_s)
    }

    /// The same with what the named parts leave of `total_s` as the rest.
    pub fn with_rest_of(self, total_s: f64) -> Self {
        let named_s = self.prepare_s + self.compile_s + self.train_s + self.test_s;
        Self {
            // Not below 0 where the parts round up to more than the whole.
            other_s: (total_s - named_s).max(0.0),
            ..self
        }
    }

    /// All phases under their names, also those outside the total.
    pub fn named(&self) -> [(&'static str, f64); 9] {
        // Taken apart, so that none is forgotten.
        let Self {
            load_s,
            start_s,
            trial_s,
            prepare_s,
            compile_s,
            train_s,
            test_s,
            other_s,
            checkpoint_s,
        } = *self;
        [
            ("load_s", load_s),
            ("start_s", start_s),
            ("trial_s", trial_s),
            ("prepare_s", prepare_s),
            ("compile_s", compile_s),
            ("train_s", train_s),
            ("test_s", test_s),
            ("other_s", other_s),
            ("checkpoint_s", checkpoint_s),
        ]
    }

    /// The sum of the phases that the total is made of.
    pub fn sum_s(&self) -> f64 {
        self.prepare_s + self.compile_s + self.train_s + self.test_s + self.other_s
    }
}
