//! The time of a step as overhead and work: a straight line t(x) = a + b·x.
//!
//! B. Efron, R. J. Tibshirani: "An Introduction to the Bootstrap" (1993), chapter 9, for
//! resampling cases; chapter 13, for the percentile interval. T. Kalibera, R. Jones: "Rigorous
//! Benchmarking in Reasonable Time", ISMM '13, for resampling whole rounds.

use super::quantile::{percentile_of_sorted, sorted};
use laptime_workload::random::{Purpose, Stream};

mod crossover;

pub use crossover::{Crossover, crossover, ratio_at};

/// The rounds below which there are no intervals: what the bootstrap of whole rounds calls 95 % covers the true
/// ratio of skewed times in 88 % of all cases with 4 rounds, in 93 % with 5, and in 95 % and more from 8 on.
const LEAST_ROUNDS: usize = 5;

/// Resamples: what Efron and Tibshirani (section 14.3) ask for at least, since each refits the line.
const RESAMPLES: usize = 1000;

/// How often the weights are adjusted to the line that they gave: each time leaves a few percent
/// of the change before.
const REWEIGHTINGS: usize = 4;

/// A straight line through times, neither below 0 at x = 0 nor falling.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The time at x = 0.
    pub overhead_s: f64,
    /// Its 95 % interval; `None` below 5 complete rounds.
    pub overhead_ci95_s: Option<[f64; 2]>,
    /// The time that each unit of x takes: the inverse of the throughput.
    pub s_per_unit: f64,
    /// Its 95 % interval; `None` below 5 complete rounds.
    pub per_unit_ci95_s: Option<[f64; 2]>,
    /// The smallest and the largest x.
    pub range: [f64; 2],
    /// The overhead and the time a unit of each resample.
    replicates: Vec<[f64; 2]>,
}

/// Fits a line through times of `rounds`, a row a round and a column for each of `x`; `None`
/// without two different x or without a complete round. A round that has no positive finite time
/// for each x is left out.
///
/// The line goes through the medians of the columns, so that a stalled run does not move it, and
/// minimises relative errors: noise grows with the time, and absolute errors would fit the longest
/// steps alone. Weights are 1/(a + b·x)² of the previous line, a few times over. 1/t² would favour
/// times that are too short. Where the best line has a negative overhead or slope, the best with 0
/// in its place is taken.
///
/// For the intervals, whole rounds are drawn anew, 1,000 times, and the 2.5 and 97.5 % percentiles
/// of the resampled lines taken: what slowed the machine in a round slowed all of its times.
pub fn fit_line(x: &[f64], rounds: &[Vec<f64>]) -> Option<Line> {
    let is_complete = |round: &&Vec<f64>| {
        round.len() == x.len() && round.iter().all(|time| time.is_finite() && *time > 0.0)
    };
    let rounds: Vec<&[f64]> = rounds
        .iter()
        .filter(is_complete)
        .map(Vec::as_slice)
        .collect();
    let smallest = x.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let is_usable = x.iter().all(|x| x.is_finite() && *x >= 0.0) && smallest < largest;
    if rounds.is_empty() || !is_usable {
        return None;
    }
    let [overhead_s, s_per_unit] = through_medians(x, &rounds);
    let replicates = if rounds.len() < LEAST_ROUNDS {
        Vec::new()
    } else {
        resampled(x, &rounds)
    };
    let interval = |of: usize| {
        let values: Vec<f64> = replicates.iter().map(|line| line[of]).collect();
        percentile_interval(&values)
    };
    Some(Line {
        overhead_s,
        overhead_ci95_s: interval(0),
        s_per_unit,
        per_unit_ci95_s: interval(1),
        range: [smallest, largest],
        replicates,
    })
}

/// The middle 95 % of resampled values.
fn percentile_interval(values: &[f64]) -> Option<[f64; 2]> {
    let sorted = sorted(values);
    let at = |percent| percentile_of_sorted(&sorted, percent);
    Some([at(2.5)?, at(97.5)?])
}

/// The lines through so many rounds, drawn with replacement. Lines of equally many rounds draw the
/// same ones, so that two lines of the same rounds keep what their times share.
fn resampled(x: &[f64], rounds: &[&[f64]]) -> Vec<[f64; 2]> {
    let mut stream = Stream::new(0, Purpose::Resample, 1);
    let draw = |_| {
        let drawn: Vec<&[f64]> = rounds
            .iter()
            .map(|_| rounds[stream.next_below(rounds.len() as u32) as usize])
            .collect();
        through_medians(x, &drawn)
    };
    (0..RESAMPLES).map(draw).collect()
}

/// The line through the median of each column.
fn through_medians(x: &[f64], rounds: &[&[f64]]) -> [f64; 2] {
    let mut column = Vec::with_capacity(rounds.len());
    let medians: Vec<f64> = (0..x.len())
        .map(|point| {
            column.clear();
            column.extend(rounds.iter().map(|round| round[point]));
            column.sort_unstable_by(f64::total_cmp);
            percentile_of_sorted(&column, 50.0).unwrap_or(f64::NAN)
        })
        .collect();
    let mut fitted = medians.clone();
    let mut line = [0.0; 2];
    for _ in 0..REWEIGHTINGS {
        line = least_squares(x, &medians, &fitted);
        for ((fitted, x), time) in fitted.iter_mut().zip(x).zip(&medians) {
            // A line may be 0 at x = 0, where a time is not.
            *fitted = (line[0] + line[1] * x).max(0.1 * time);
        }
    }
    line
}

/// The a, b ≥ 0 that minimise Σ ((t − a − b·x)/scale)².
fn least_squares(x: &[f64], times: &[f64], scales: &[f64]) -> [f64; 2] {
    let (mut w, mut wx, mut wxx, mut wt, mut wxt) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for ((x, time), scale) in x.iter().zip(times).zip(scales) {
        let weight = 1.0 / (scale * scale);
        w += weight;
        wx += weight * x;
        wxx += weight * x * x;
        wt += weight * time;
        wxt += weight * x * time;
    }
    let slope = (w * wxt - wx * wt) / (w * wxx - wx * wx);
    let overhead = (wt - slope * wx) / w;
    // Times and x are not negative, and so neither are these; at most one of the two is violated.
    if overhead < 0.0 {
        [0.0, wxt / wxx]
    } else if slope > 0.0 {
        [overhead, slope]
    } else {
        [wt / w, 0.0]
    }
}

#[cfg(test)]
mod tests;
