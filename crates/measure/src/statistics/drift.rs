//! Whether runs are independent: a trend, or neighbours that resemble each other.
//!
//! H. B. Mann: "Nonparametric Tests Against Trend", Econometrica 13 (1945); M. G. Kendall: "Rank
//! Correlation Methods" (1955), for ties; R. Bartels: "The Rank Version of von Neumann's Ratio
//! Test for Randomness", JASA 77 (1982). Every interval here assumes independent runs: of runs
//! that warm up or share a slow background job, 8 say less than 8 independent ones.

use super::special::{beta_below, normal_below};

/// The level of each of the two tests, half of the 1 % that both together may alarm falsely:
/// the least that 6 runs, with 720 orders, can reach, and rare enough for a warning that a reader
/// is to take seriously.
const LEVEL: f64 = 0.005;

/// The fewest runs of which a test can be significant: of 5, even a monotonic order has a
/// probability of 1/60.
const LEAST_RUNS: usize = 6;

/// The most runs whose orders are all counted for the autocorrelation: 8! = 40,320, a millisecond.
const MOST_ORDERED: usize = 8;

/// The most runs for which the trend's distribution is counted out.
const MOST_COUNTED: usize = 60;

/// The evidence against independent runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// The two-sided p value of a trend (Mann–Kendall).
    pub trend_p: f64,
    /// The one-sided p value of neighbours that are nearer to each other in rank than runs apart
    /// (rank von Neumann ratio). Only that side: runs that alternate make an interval too wide,
    /// which does no harm.
    pub autocorrelation_p: f64,
}

impl Drift {
    /// Whether the runs are dependent: one of the tests is significant at 0.5 %, and so
    /// independent runs raise this alarm in at most 1 % of all records.
    pub fn is_detected(&self) -> bool {
        self.trend_p <= LEVEL || self.autocorrelation_p <= LEVEL
    }
}

/// Tests values in the order in which they were measured; `None` below 6 that are not NaN.
pub fn drift(values: &[f64]) -> Option<Drift> {
    let values: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    if values.len() < LEAST_RUNS {
        return None;
    }
    Some(Drift {
        trend_p: trend_p(&values),
        autocorrelation_p: autocorrelation_p(&ranks(&values)),
    })
}

/// The Mann–Kendall test: exact without ties, by the normal distribution corrected for ties with
/// them and for many runs.
fn trend_p(values: &[f64]) -> f64 {
    let n = values.len();
    let (mut rises, mut falls) = (0usize, 0usize);
    for (i, first) in values.iter().enumerate() {
        for second in &values[i + 1..] {
            rises += usize::from(second > first);
            falls += usize::from(second < first);
        }
    }
    let fewer = rises.min(falls);
    if rises + falls == n * (n - 1) / 2 && n <= MOST_COUNTED {
        return (2.0 * inversions_at_most(fewer, n)).min(1.0);
    }
    let term = |t: usize| (t * (t - 1) * (2 * t + 5)) as f64;
    let tied: f64 = tie_sizes(values).into_iter().map(term).sum();
    let sd = ((term(n) - tied) / 18.0).sqrt();
    let score = rises.abs_diff(falls) as f64;
    if score <= 1.0 || sd == 0.0 {
        return 1.0;
    }
    2.0 * normal_below(-(score - 1.0) / sd)
}

/// The probability that a random order of n values has at most so many inversions.
fn inversions_at_most(most: usize, n: usize) -> f64 {
    let mut probabilities = vec![0.0; most + 1];
    probabilities[0] = 1.0;
    // The m-th value has 0 to m − 1 larger ones before it, each number equally likely.
    for m in 2..=n {
        let previous = probabilities.clone();
        let mut window = 0.0;
        for k in 0..=most {
            window += previous[k];
            if k >= m {
                window -= previous[k - m];
            }
            probabilities[k] = window / m as f64;
        }
    }
    probabilities.iter().sum()
}

/// The rank von Neumann ratio's test: exact for up to 8 runs, ties included, and by Bartels'
/// beta distribution above.
fn autocorrelation_p(ranks: &[f64]) -> f64 {
    let observed: f64 = ranks
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).powi(2))
        .sum();
    let n = ranks.len() as f64;
    if ranks.len() <= MOST_ORDERED {
        let mut left = ranks.to_vec();
        let all: f64 = (1..=ranks.len()).map(|i| i as f64).product();
        return orders_at_most(observed, None, &mut left) / all;
    }
    let mean = (n + 1.0) / 2.0;
    let squares: f64 = ranks.iter().map(|rank| (rank - mean).powi(2)).sum();
    if squares == 0.0 {
        return 1.0;
    }
    let shape = 5.0 * n * (n + 1.0) * (n - 1.0).powi(2)
        / (2.0 * (n - 2.0) * (5.0 * n * n - 2.0 * n - 9.0))
        - 0.5;
    beta_below(observed / squares / 4.0, shape, shape)
}

/// How many orders of the ranks that are left have squared steps, the one from `last` included,
/// that add up to at most this.
fn orders_at_most(most: f64, last: Option<f64>, left: &mut Vec<f64>) -> f64 {
    if left.is_empty() {
        return 1.0;
    }
    let mut orders = 0.0;
    for i in 0..left.len() {
        let next = left.swap_remove(i);
        let step = last.map_or(0.0, |last| (next - last).powi(2));
        if step <= most {
            orders += orders_at_most(most - step, Some(next), left);
        }
        // Undoes the removal.
        left.push(next);
        let end = left.len() - 1;
        left.swap(i, end);
    }
    orders
}

/// The ranks from 1, the mean rank for ties.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        below as f64 + (equal + 1) as f64 / 2.0
    };
    values.iter().map(rank).collect()
}

/// How many values there are of each.
fn tie_sizes(values: &[f64]) -> Vec<usize> {
    let sorted = super::quantile::sorted(values);
    sorted.chunk_by(|a, b| a == b).map(<[f64]>::len).collect()
}

#[cfg(test)]
mod tests;
