//! What the runs of a record say together. Everything here can be derived again from them.

use laptime_measure::{
    Run,
    statistics::{median, median_interval_95},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Derived from the raw times of all runs that were not interrupted; from all, where each was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The total.
    pub total_s: MedianSeconds,
    /// Training throughput, the median of the runs.
    pub samples_per_s: f64,
    /// Model floating-point operations a second of training, the median of the runs: what the
    /// literature counts, so that engines compare, whatever they execute for it.
    pub achieved_flops: f64,
}

/// A median with its interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MedianSeconds {
    /// The median of the runs.
    pub median: f64,
    /// The interval that covers the true median with about 95 % probability; null below 6 runs,
    /// which are too few to say.
    pub ci95: Option<[f64; 2]>,
}

impl Summary {
    /// The summary of these runs of a model with so many floating-point operations a sample.
    pub fn of(runs: &[Run], model_flops_per_sample: f64) -> Self {
        let runs = counted(runs);
        let totals: Vec<f64> = runs.iter().map(|run| run.total_s).collect();
        let speeds: Vec<f64> = runs.iter().map(|run| run.samples_per_s()).collect();
        let samples_per_s = median(&speeds).unwrap_or(0.0);
        Self {
            total_s: MedianSeconds {
                median: median(&totals).unwrap_or(0.0),
                ci95: median_interval_95(&totals),
            },
            samples_per_s,
            achieved_flops: samples_per_s * model_flops_per_sample,
        }
    }
}

/// The runs that a summary is of: an interrupted run, which has no test score, took less time than
/// a whole one and would only mislead beside it.
pub(crate) fn counted(runs: &[Run]) -> Vec<&Run> {
    let whole: Vec<&Run> = runs.iter().filter(|run| run.test.is_some()).collect();
    if whole.is_empty() {
        runs.iter().collect()
    } else {
        whole
    }
}

/// The run with the median total, the faster of the middle two: the one whose phases are shown,
/// because medians of phases would not add up.
pub fn typical_run(runs: &[Run]) -> Option<&Run> {
    let mut runs = counted(runs);
    runs.sort_by(|a, b| a.total_s.total_cmp(&b.total_s));
    let middle = runs.len().checked_sub(1)? / 2;
    Some(runs[middle])
}
