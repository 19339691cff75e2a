//! All the statistics of laptime, one procedure a file.
//!
//! Times of runs are not normally distributed: they have a floor, a long tail, and often more than
//! one mode. So the middle is the median, its interval is free of any distribution, and ratios are
//! taken of logarithms (T. Hoefler, R. Belli: "Scientific Benchmarking of Parallel Computing
//! Systems", SC '15, rules 5 to 8). What each procedure promises, its tests simulate.
//!
//! Nothing here panics on NaN, infinities or empty input, and everything is deterministic: the
//! same records always give the same figures.

mod changepoint;
mod drift;
mod fit;
mod holm;
#[cfg(test)]
mod hostile;
mod interval;
mod outliers;
mod paired;
mod pelt;
mod pilot;
mod quantile;
#[cfg(test)]
mod simulate;
mod special;
mod unpaired;

pub use changepoint::{Segment, SteadyState, steady_state};
pub use drift::{Drift, drift};
pub use fit::{Crossover, Line, crossover, fit_line, ratio_at};
pub use holm::holm;
pub use interval::median_interval_95;
pub use outliers::outliers;
pub use paired::{LEAST_PAIRS, PairedRatio, paired_ratio};
pub use pilot::{LEAST_RUNS, LimitedBy, MOST_RUNS, Plan, runs_to_make};
pub use quantile::{median, median_absolute_deviation, percentile, scaled_mad};
pub use unpaired::{
    Ratio, geometric_mean, occasion_log_sd, ratio_of_independent_medians,
    ratio_of_medians_with_intervals, widened_for_occasions, widened_log_sd,
};
