//! What the runs of a record say together. Everything here can be derived again from them.

use laptime_measure::{
    Run,
    statistics::{drift, median, median_interval_95, outliers, scaled_mad},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Conditions;

/// Derived from the raw times of all whole runs but a cold one; from all, where there is no other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The total.
    pub total_s: MedianSeconds,
    /// Training throughput, the median of the runs.
    pub samples_per_s: f64,
    /// Model floating-point operations a second of training, the median of the runs: what the
    /// literature counts, so that engines compare, whatever they execute for it.
    pub achieved_flops: f64,
    /// Whether totals drift from run to run, or hang on the one before: then the interval covers too
    /// little, and says nothing. Null where nobody asked.
    #[serde(default)]
    pub drifts: Option<bool>,
    /// In what condition the machine was; null in records of earlier versions.
    #[serde(default)]
    pub conditions: Option<Conditions>,
}

/// A median with its interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MedianSeconds {
    /// The median of the runs.
    pub median: f64,
    /// The interval that covers the true median with about 95 % probability; null below 6 runs,
    /// which are too few to say.
    pub ci95: Option<[f64; 2]>,
    /// The median absolute deviation, times 1.4826: of normal times that is the standard deviation.
    #[serde(default)]
    pub mad: Option<f64>,
    /// The runs, counted from 0 among all of the record, that lie far from the others. They count all
    /// the same.
    #[serde(default)]
    pub outliers: Vec<u64>,
}

impl Summary {
    /// The summary of these runs on so many threads, of a model with so many floating-point operations a
    /// sample.
    pub fn of(all: &[Run], model_flops_per_sample: f64, threads: usize) -> Self {
        let runs = counted(all);
        let totals: Vec<f64> = runs.iter().map(|run| run.total_s).collect();
        let speeds: Vec<f64> = runs.iter().map(|run| run.samples_per_s()).collect();
        let samples_per_s = median(&speeds).unwrap_or(0.0);
        let place = |index: &usize| {
            let run = runs[*index];
            all.iter()
                .position(|one| std::ptr::eq(one, run))
                .map(|it| it as u64)
        };
        Self {
            total_s: MedianSeconds {
                median: median(&totals).unwrap_or(0.0),
                ci95: median_interval_95(&totals),
                mad: scaled_mad(&totals),
                outliers: outliers(&totals).iter().filter_map(place).collect(),
            },
            samples_per_s,
            achieved_flops: samples_per_s * model_flops_per_sample,
            drifts: drift(&totals).map(|drift| drift.is_detected()),
            conditions: Conditions::of(&runs, threads),
        }
    }
}

/// The runs that a summary is of: an interrupted run, which has no test score, took less time than
/// a whole one and would only mislead beside it; and a first, cold one is not like those that follow.
pub(crate) fn counted(runs: &[Run]) -> Vec<&Run> {
    let is_whole = |run: &&Run| run.test.is_some();
    let warm: Vec<&Run> = runs
        .iter()
        .filter(|run| is_whole(run) && !run.cold)
        .collect();
    if !warm.is_empty() {
        return warm;
    }
    let whole: Vec<&Run> = runs.iter().filter(is_whole).collect();
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
