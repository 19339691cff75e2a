//! Loss and accuracy as files have them: a list of metrics with names and units, so that a record of
//! another kind of training needs no other format.
//!
//! Records of format v1 have members `loss` and `accuracy` instead; they are read too.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::divergence::{self, Loss};

/// One epoch of training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "EpochFile", try_from = "EpochFile")]
pub struct Epoch {
    /// Wall time.
    pub train_s: f64,
    /// The mean loss over the samples as they were trained on, as Keras shows it; not finite from the
    /// epoch on in which the training diverged.
    pub loss: f64,
    /// The share of them that was right, 0 to 1.
    pub accuracy: f64,
    /// How many samples were trained on; fewer than the dataset has where the epoch was cut.
    pub samples: u64,
}

/// The score on the test samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "TestFile", try_from = "TestFile")]
pub struct Test {
    /// The mean loss.
    pub loss: f64,
    /// The share that was right, 0 to 1.
    pub accuracy: f64,
}

/// One metric over the samples of an epoch, or of the test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// What it is: `loss`, `accuracy`.
    pub name: String,
    /// Its unit: `nats`, or `share` for 0 to 1.
    pub unit: String,
    /// The mean over the samples; a word where it is not finite.
    #[serde(with = "divergence::loss")]
    #[schemars(with = "Loss")]
    pub value: f64,
}

const LOSS: &str = "loss";
const ACCURACY: &str = "accuracy";

/// An epoch as files have it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Epoch")]
pub(crate) struct EpochFile {
    /// Wall time of its training.
    train_s: f64,
    /// How many samples were trained on; fewer than the dataset has where the epoch was cut.
    samples: u64,
    /// The means over the samples as they were trained on, as Keras shows them; a loss is not finite from
    /// the epoch on in which the training diverged.
    #[serde(default)]
    metrics: Vec<Metric>,
    #[serde(flatten, skip_serializing)]
    #[schemars(skip)]
    old: Old,
}

/// The score on the test samples as files have it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Test")]
pub(crate) struct TestFile {
    /// The means over the test samples.
    #[serde(default)]
    metrics: Vec<Metric>,
    #[serde(flatten, skip_serializing)]
    #[schemars(skip)]
    old: Old,
}

/// The members of format v1.
#[derive(Default, Deserialize)]
struct Old {
    #[serde(default)]
    loss: Option<Loss>,
    #[serde(default)]
    accuracy: Option<f64>,
}

fn list(loss: f64, accuracy: f64) -> Vec<Metric> {
    let metric = |name: &str, unit: &str, value| Metric {
        name: name.into(),
        unit: unit.into(),
        value,
    };
    vec![
        metric(LOSS, "nats", loss),
        metric(ACCURACY, "share", accuracy),
    ]
}

/// Loss and accuracy, in either format.
fn scores(metrics: &[Metric], old: Old) -> Result<(f64, f64), String> {
    if metrics.is_empty() {
        // A loss of null is not finite, and reads as none.
        let loss = old.loss.map_or(f64::NAN, f64::from);
        let accuracy = old.accuracy.ok_or("no metrics")?;
        return Ok((loss, accuracy));
    }
    let value = |name: &str| {
        let found = metrics.iter().find(|metric| metric.name == name);
        found
            .map(|metric| metric.value)
            .ok_or(format!("no metric {name}"))
    };
    Ok((value(LOSS)?, value(ACCURACY)?))
}

impl From<Epoch> for EpochFile {
    fn from(epoch: Epoch) -> Self {
        Self {
            train_s: epoch.train_s,
            samples: epoch.samples,
            metrics: list(epoch.loss, epoch.accuracy),
            old: Old::default(),
        }
    }
}

impl TryFrom<EpochFile> for Epoch {
    type Error = String;

    fn try_from(file: EpochFile) -> Result<Self, String> {
        let (loss, accuracy) = scores(&file.metrics, file.old)?;
        Ok(Self {
            train_s: file.train_s,
            samples: file.samples,
            loss,
            accuracy,
        })
    }
}

impl From<Test> for TestFile {
    fn from(test: Test) -> Self {
        Self {
            metrics: list(test.loss, test.accuracy),
            old: Old::default(),
        }
    }
}

impl TryFrom<TestFile> for Test {
    type Error = String;

    fn try_from(file: TestFile) -> Result<Self, String> {
        let (loss, accuracy) = scores(&file.metrics, file.old)?;
        Ok(Self { loss, accuracy })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn an_epoch_has_a_list_of_metrics() {
        let epoch = Epoch {
            train_s: 0.5,
            loss: f64::INFINITY,
            accuracy: 0.25,
            samples: 32,
        };
        let file = to_value(epoch.clone()).expect("plain data");
        assert_eq!(
            file,
            json!({"train_s": 0.5, "samples": 32, "metrics": [
                {"name": "loss", "unit": "nats", "value": "Infinity"},
                {"name": "accuracy", "unit": "share", "value": 0.25},
            ]})
        );
        assert_eq!(from_value::<Epoch>(file).expect("it was written"), epoch);
    }

    #[test]
    fn the_first_format_is_read() {
        let test: Test = from_value(json!({"loss": 1.5, "accuracy": 0.5})).expect("it is v1");
        assert_eq!((test.loss, test.accuracy), (1.5, 0.5));
        for loss in [json!(null), json!("NaN")] {
            let old = json!({"train_s": 1.0, "samples": 1, "loss": loss, "accuracy": 0.5});
            let epoch: Epoch = from_value(old).expect("it is v1");
            assert!(epoch.loss.is_nan());
        }
    }

    #[test]
    fn an_epoch_without_scores_is_none() {
        for bad in [
            json!({"train_s": 1.0, "samples": 1}),
            json!({"train_s": 1.0, "samples": 1, "loss": "infinite", "accuracy": 0.5}),
            json!({"train_s": 1.0, "samples": 1, "metrics": [
                {"name": "loss", "unit": "nats", "value": 1.0},
            ]}),
        ] {
            assert!(from_value::<Epoch>(bad.clone()).is_err(), "{bad}");
        }
    }
}
