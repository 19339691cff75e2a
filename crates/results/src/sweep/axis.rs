//! What a sweep varies, and how a step's time depends on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Point;
use crate::number::{counted, grouped, three_digits};

/// What differs from point to point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Samples a step: a step takes an overhead, and so long a sample.
    #[default]
    BatchSize,
    /// How many times the units that the dense layers have: a step takes an overhead, and so long an
    /// operation.
    Width,
    /// Threads: a step takes what they cannot share, and the rest divided by them (G. M. Amdahl:
    /// "Validity of the single processor approach", AFIPS 1967).
    Threads,
}

impl Axis {
    /// What a step's time is a line in.
    pub fn x(self, point: &Point) -> f64 {
        match self {
            Self::BatchSize => point.batch_size as f64,
            Self::Width => point.model_flops_per_step as f64,
            Self::Threads => 1.0 / point.threads.unwrap_or(1).max(1) as f64,
        }
    }

    /// What its points ascend in.
    pub fn value(self, point: &Point) -> u64 {
        match self {
            Self::BatchSize => point.batch_size,
            Self::Width => point.width,
            Self::Threads => point.threads.unwrap_or(0),
        }
    }

    /// The head of its column.
    pub fn name(self) -> &'static str {
        match self {
            Self::BatchSize => "batch",
            Self::Width => "width",
            Self::Threads => "threads",
        }
    }

    /// A point's name in a sentence.
    pub fn label(self, point: &Point) -> String {
        let value = self.value(point);
        match self {
            Self::BatchSize => format!("batch {}", grouped(value)),
            Self::Width => format!("width {}×", grouped(value)),
            Self::Threads => counted(value, "thread"),
        }
    }

    /// A place on the line in a sentence.
    pub fn place(self, x: f64) -> String {
        match self {
            Self::BatchSize => format!("batch {}", self.bare(x)),
            Self::Width | Self::Threads => self.bare(x),
        }
    }

    /// The same behind another place.
    pub fn bare(self, x: f64) -> String {
        match self {
            Self::BatchSize => grouped(x.round() as u64),
            Self::Width => format!("{} MFLOP a step", three_digits(x / 1e6)),
            Self::Threads => format!("{} threads", three_digits(1.0 / x)),
        }
    }
}
