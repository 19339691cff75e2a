//! The vocabulary of losses, and the metrics that each is told by.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is minimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Softmax and categorical cross-entropy from logits, averaged over the batch.
    SoftmaxCrossEntropy,
    /// The mean square of what the last layer's values differ from the sample's targets by, over values and batch;
    /// of data without targets, from the sample's own scaled input: the net is an autoencoder.
    MeanSquaredError,
}

/// What a loss compares the last layer's values with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The sample's class: an integer below the number of values.
    Class,
    /// The numbers that the dataset has of the sample, value by value.
    Values,
    /// The sample's own scaled input, value by value.
    Input,
}

/// What a training is told by: a mean over samples, made of a sum that each step has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricEntry {
    /// The name in records and on the command line.
    pub name: &'static str,
    /// The unit of the mean in records; `share` is 0 to 1.
    pub unit: &'static str,
    /// What Programs call the sum over a batch.
    pub sum: &'static str,
}

/// The most metrics that a loss has: scores are arrays, so that no step allocates.
pub const MOST_METRICS: usize = 2;

/// In nats.
const CROSS_ENTROPY: MetricEntry = MetricEntry {
    name: "loss",
    unit: "nats",
    sum: "loss_sum",
};

/// In the square of the targets' unit.
const SQUARED_ERROR: MetricEntry = MetricEntry {
    unit: "squared",
    ..CROSS_ENTROPY
};

/// The share of samples whose label has the largest logit.
const ACCURACY: MetricEntry = MetricEntry {
    name: "accuracy",
    unit: "share",
    sum: "correct",
};

impl Loss {
    /// All of them, in the order that lists show them.
    pub const ALL: [Self; 2] = [Self::SoftmaxCrossEntropy, Self::MeanSquaredError];

    /// The name in specs and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SoftmaxCrossEntropy => "softmax-cross-entropy",
            Self::MeanSquaredError => "mean-squared-error",
        }
    }

    /// What it is, in a line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::SoftmaxCrossEntropy => {
                "from logits, averaged over the batch: PyTorch's CrossEntropyLoss, Keras's \
                 SparseCategoricalCrossentropy(from_logits=True)"
            }
            Self::MeanSquaredError => {
                "between the last layer and the targets, or of data without them the input itself: PyTorch's \
                 MSELoss, Keras's MeanSquaredError"
            }
        }
    }

    /// Its metrics, the loss itself first: at most [`MOST_METRICS`].
    pub fn metrics(self) -> &'static [MetricEntry] {
        match self {
            Self::SoftmaxCrossEntropy => &[CROSS_ENTROPY, ACCURACY],
            Self::MeanSquaredError => &[SQUARED_ERROR],
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
