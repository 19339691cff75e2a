//! Where the time of a run went.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The phases of a run, in seconds of monotonic wall time. All but `load_s`, `start_s` and
/// `trial_s` add up to the total, because `other_s` is what the others leave of it.
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
            // Not below 0 where the parts round up to more than the whole.
            other_s: (total_s - prepare_s - compile_s - train_s - test_s).max(0.0),
        }
    }

    /// The sum of the phases that the total is made of.
    pub fn sum_s(&self) -> f64 {
        self.prepare_s + self.compile_s + self.train_s + self.test_s + self.other_s
    }
}
