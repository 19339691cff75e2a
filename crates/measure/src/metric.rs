//! The metrics of an epoch or a test: a list with names and units, the loss first, in files and in memory, so
//! that a record of another kind of training needs no other format.
//!
//! Records of format v1 have members `loss` and `accuracy` instead; they are read too.

use laptime_engine::Score;
use laptime_workload::MetricEntry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::divergence::{self, Loss};

/// One epoch of training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "EpochFile", try_from = "EpochFile")]
pub struct Epoch {
    /// Wall time.
    pub train_s: f64,
    /// The means over the samples as they were trained on, as Keras shows them; the loss is not finite from
    /// the epoch on in which the training diverged.
    pub metrics: Metrics,
    /// How many samples were trained on; fewer than the dataset has where the epoch was cut.
    pub samples: u64,
}

/// The score on the test samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "TestFile", try_from = "TestFile")]
pub struct Test {
    /// The means over them.
    pub metrics: Metrics,
}

/// Metrics, the loss among them.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics(Vec<Metric>);

impl Metrics {
    /// The means that a score has of these.
    pub fn of(score: &Score, entries: &[MetricEntry]) -> Self {
        let means = entries.iter().enumerate();
        Self::new(means.map(|(place, entry)| (entry.name, entry.unit, score.mean(place))))
    }

    /// Those of a classifier.
    pub fn of_classifier(loss: f64, accuracy: f64) -> Self {
        Self::new([(LOSS, "nats", loss), (ACCURACY, "share", accuracy)])
    }

    /// These, as names, units and means.
    pub fn new<'a>(metrics: impl IntoIterator<Item = (&'a str, &'a str, f64)>) -> Self {
        let metrics = metrics.into_iter().map(|(name, unit, value)| Metric {
            name: name.into(),
            unit: unit.into(),
            value,
        });
        Self(metrics.collect())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Metric> {
        self.0.iter()
    }

    /// The mean loss.
    pub fn loss(&self) -> f64 {
        self.value(LOSS).unwrap_or(f64::NAN)
    }

    /// The share that was right, 0 to 1; `None` where nothing is right or wrong.
    pub fn accuracy(&self) -> Option<f64> {
        self.value(ACCURACY)
    }

    fn value(&self, name: &str) -> Option<f64> {
        let found = self.iter().find(|metric| metric.name == name);
        found.map(|metric| metric.value)
    }
}

/// One metric over the samples of an epoch, or of the test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// What it is: `loss`, `accuracy`.
    pub name: String,
    /// Its unit: `nats`, `squared` for a mean of squares, or `share` for 0 to 1.
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

/// The metrics of a file, in either format.
fn metrics(metrics: Vec<Metric>, old: Old) -> Result<Metrics, String> {
    if metrics.is_empty() {
        // A loss of null is not finite, and reads as none.
        let loss = old.loss.map_or(f64::NAN, f64::from);
        let accuracy = old.accuracy.ok_or("no metrics")?;
        return Ok(Metrics::of_classifier(loss, accuracy));
    }
    let metrics = Metrics(metrics);
    match metrics.value(LOSS) {
        Some(_) => Ok(metrics),
        None => Err(format!("no metric {LOSS}")),
    }
}

impl From<Epoch> for EpochFile {
    fn from(epoch: Epoch) -> Self {
        Self {
            train_s: epoch.train_s,
            samples: epoch.samples,
            metrics: epoch.metrics.0,
            old: Old::default(),
        }
    }
}

impl TryFrom<EpochFile> for Epoch {
    type Error = String;

    fn try_from(file: EpochFile) -> Result<Self, String> {
        Ok(Self {
            train_s: file.train_s,
            metrics: metrics(file.metrics, file.old)?,
            samples: file.samples,
        })
    }
}

impl From<Test> for TestFile {
    fn from(test: Test) -> Self {
        Self {
            metrics: test.metrics.0,
            old: Old::default(),
        }
    }
}

impl TryFrom<TestFile> for Test {
    type Error = String;

    fn try_from(file: TestFile) -> Result<Self, String> {
        let metrics = metrics(file.metrics, file.old)?;
        Ok(Self { metrics })
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
            metrics: Metrics::of_classifier(f64::INFINITY, 0.25),
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
        assert_eq!(test.metrics, Metrics::of_classifier(1.5, 0.5));
        for loss in [json!(null), json!("NaN")] {
            let old = json!({"train_s": 1.0, "samples": 1, "loss": loss, "accuracy": 0.5});
            let epoch: Epoch = from_value(old).expect("it is v1");
            assert!(epoch.metrics.loss().is_nan());
        }
    }

    #[test]
    fn a_list_without_an_accuracy_is_one() {
        let file = json!({"metrics": [{"name": "loss", "unit": "squared", "value": 0.25}]});
        let test: Test = from_value(file.clone()).expect("it has a loss");
        assert_eq!((test.metrics.loss(), test.metrics.accuracy()), (0.25, None));
        assert_eq!(to_value(test).expect("plain data"), file);
    }

    #[test]
    fn an_epoch_without_scores_is_none() {
        for bad in [
            json!({"train_s": 1.0, "samples": 1}),
            json!({"train_s": 1.0, "samples": 1, "loss": "infinite", "accuracy": 0.5}),
            json!({"train_s": 1.0, "samples": 1, "metrics": [
                {"name": "accuracy", "unit": "share", "value": 1.0},
            ]}),
        ] {
            assert!(from_value::<Epoch>(bad.clone()).is_err(), "{bad}");
        }
    }
}
