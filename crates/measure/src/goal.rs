//! Training until a score on the test samples is reached: time to accuracy.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metric::{Epoch, Test, TestFile};

/// A score on the test samples, asked after every epoch, that ends a training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Goal {
    /// Which score.
    pub metric: GoalMetric,
    /// An accuracy of at least this share, or a loss of at most this.
    pub value: f64,
}

/// The scores that a goal can be set in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GoalMetric {
    /// The share of the test samples that is right; only where the loss has it.
    Accuracy,
    /// Their mean loss.
    Loss,
}

impl GoalMetric {
    /// The metric's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Loss => "loss",
        }
    }
}

/// What became of a goal in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoalOutcome {
    /// What was to be reached.
    pub goal: Goal,
    /// The epochs that it took; null where it was not reached.
    pub reached_after_epochs: Option<u64>,
    /// The score after each epoch. What these took is in the test phase, and in the total.
    #[schemars(with = "Vec<TestFile>")]
    pub tests: Vec<Test>,
}

impl Goal {
    /// Whether a score is good enough.
    pub fn is_reached(self, test: &Test) -> bool {
        match self.metric {
            GoalMetric::Accuracy => test
                .metrics
                .accuracy()
                .is_some_and(|accuracy| accuracy >= self.value),
            GoalMetric::Loss => test.metrics.loss() <= self.value,
        }
    }

    /// What became of it, by the scores after each of these epochs.
    pub(crate) fn outcome(self, epochs: &[Epoch], tests: Vec<Test>) -> GoalOutcome {
        let is_reached = tests.last().is_some_and(|test| self.is_reached(test));
        GoalOutcome {
            goal: self,
            reached_after_epochs: is_reached.then_some(epochs.len() as u64),
            tests,
        }
    }
}

/// As the command line states it.
impl FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const WANTED: &str = "give accuracy=0.88 (a share from 0 to 1) or loss=0.35";
        let (name, value) = text.split_once('=').ok_or(WANTED)?;
        let value: f64 = value.trim().parse().map_err(|_| WANTED)?;
        let metric = match name.trim() {
            "accuracy" if (0.0..=1.0).contains(&value) => GoalMetric::Accuracy,
            "loss" if value.is_finite() && value >= 0.0 => GoalMetric::Loss,
            _ => return Err(WANTED.into()),
        };
        Ok(Self { metric, value })
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}={}", self.metric.as_str(), self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Metrics;

    #[test]
    fn a_goal_is_a_score_and_a_value() {
        let goal = |text: &str| text.parse::<Goal>();
        let accuracy = goal("accuracy=0.88").expect("it is one");
        let test = |accuracy, loss| Test {
            metrics: Metrics::of_classifier(loss, accuracy),
        };
        assert!(accuracy.is_reached(&test(0.88, 9.0)) && !accuracy.is_reached(&test(0.87, 0.0)));
        let loss = goal("loss=0.35").expect("it is one");
        assert!(loss.is_reached(&test(0.0, 0.35)) && !loss.is_reached(&test(1.0, f64::NAN)));
        for text in ["accuracy=0.88", "loss=0.35"] {
            assert_eq!(goal(text).map(|it| it.to_string()), Ok(text.to_owned()));
        }
        for wrong in [
            "88",
            "accuracy",
            "accuracy=88",
            "accuracy=nan",
            "loss=-1",
            "f1=0.5",
            "loss=",
        ] {
            assert!(goal(wrong).is_err(), "{wrong}");
        }
    }
}
