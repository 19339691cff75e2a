//! From which training step on the times of steps are steady.
//!
//! E. Barrett, C. F. Bolz-Tereick, R. Killick, S. Mount, L. Tratt: "Virtual Machine Warmup Blows
//! Hot and Cold", OOPSLA 2017: find the changes of mean and variance, and call a run steady from
//! where all segments are equivalent to the last.

use super::{
    pelt::changepoints,
    quantile::{median, percentile_of_sorted, sorted},
};

/// Blocks of steps that are looked at, at most: a change is placed to 1/500 of the run.
const MOST_BLOCKS: usize = 500;

/// The fewest steps of which anything is said: four segments of the least length.
const LEAST_STEPS: usize = 20;

/// Segments whose medians differ by less than this share are equivalent. Barrett et al. take the
/// larger of the variance and 1 ms; steps of all lengths need a relative one.
const TOLERANCE: f64 = 0.02;

/// The share of the steps that must be steady at the end. A run with a change in its last quarter
/// has not shown that it was the last one; Barrett et al. ask for 500 of 2,000 iterations.
const STEADY_SHARE: f64 = 0.25;

/// The relative resolution of a block's time, below which no variance is believed.
const RESOLUTION: f64 = 1e-3;

/// The blocks of the window in which an outlier is one, half of it on either side.
const HALF_WINDOW: usize = 25;

/// Steps between two changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Its first step.
    pub begin_step: usize,
    /// The step after its last.
    pub end_step: usize,
    /// The median of its steps.
    pub median_s: f64,
}

/// Whether and from where on the steps of a run took the same time.
#[derive(Debug, Clone, PartialEq)]
pub struct SteadyState {
    /// The segments in order; none for fewer than 20 steps, of which nothing can be said.
    pub segments: Vec<Segment>,
    /// The step from which on all segments are within 2 % of the last; `None` where those make up
    /// less than a quarter of the steps, so that there is no steady state.
    pub steady_from_step: Option<usize>,
    /// How much slower the last segment is than the first, as a share: 0.05 is 5 % slower, and
    /// negative after a warm-up. 0 with a single segment.
    pub slowdown: f64,
}

/// Finds the steady state of these times of steps. A time that is not positive and finite is
/// taken as that of its neighbours.
///
/// Times are skewed and have outliers, which the costs of PELT do not expect. So the series is of
/// logarithms, of at most 500 blocks' medians, and what is farther from the median of the 51
/// blocks around it than three times their 10 to 90 % range is moved there (Barrett et al. use
/// that fence on 200 iterations, and leave out what is outside). A change costs 15·ln n, as Barrett
/// et al. tuned it: five times the BIC's 3·ln n, since times of steps are not as independent as
/// the BIC assumes. Simulated, neither independent steps nor steps with a lag-1 correlation of up
/// to 0.7 raise a false alarm; with 0.9, a third of runs of 200 steps do, and none of 2,000.
///
/// A warm-up of fewer than 5 blocks, 1 % of a long run, is no segment, and remains in the first.
pub fn steady_state(step_s: &[f64]) -> SteadyState {
    let block = step_s.len().div_ceil(MOST_BLOCKS).max(1);
    let logs = if step_s.len() < LEAST_STEPS {
        Vec::new()
    } else {
        block_logs(step_s, block)
    };
    let penalty = 15.0 * (logs.len().max(1) as f64).ln();
    let begins = changepoints(&winsorised(&logs), penalty, RESOLUTION);
    let ends = begins.iter().skip(1).copied().chain([logs.len()]);
    let segments: Vec<Segment> = begins
        .iter()
        .zip(ends)
        .map(|(begin, end)| Segment {
            begin_step: begin * block,
            end_step: (end * block).min(step_s.len()),
            median_s: median(&logs[*begin..end]).unwrap_or(f64::NAN).exp(),
        })
        .collect();
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
        return SteadyState {
            segments,
            steady_from_step: None,
            slowdown: 0.0,
        };
    };
    let is_equivalent = |s: &&Segment| (s.median_s / last.median_s).ln().abs() <= TOLERANCE;
    let steady = segments.iter().rev().take_while(is_equivalent).last();
    let steady_steps = step_s.len() as f64 * STEADY_SHARE;
    let steady_from_step = steady
        .map(|segment| segment.begin_step)
        .filter(|begin| (step_s.len() - begin) as f64 >= steady_steps);
    let slowdown = last.median_s / first.median_s - 1.0;
    SteadyState {
        segments,
        steady_from_step,
        slowdown,
    }
}

/// The logarithm of each block's median; of the block before, or else of the next one, where it
/// has no usable time; empty where none has one.
fn block_logs(step_s: &[f64], block: usize) -> Vec<f64> {
    let medians: Vec<Option<f64>> = step_s
        .chunks(block)
        .map(|steps| {
            let usable = steps.iter().filter(|time| time.is_finite() && **time > 0.0);
            median(&usable.copied().collect::<Vec<_>>()).map(f64::ln)
        })
        .collect();
    let Some(mut previous) = medians.iter().copied().flatten().next() else {
        return Vec::new();
    };
    let filled = medians.into_iter().map(|log| {
        previous = log.unwrap_or(previous);
        previous
    });
    filled.collect()
}

/// The values with outliers moved to the fence around their neighbours.
fn winsorised(values: &[f64]) -> Vec<f64> {
    let at = |(i, value): (usize, &f64)| {
        let begin = i.saturating_sub(HALF_WINDOW);
        let window = &values[begin..(i + HALF_WINDOW + 1).min(values.len())];
        let window = sorted(window);
        let at = |percent| percentile_of_sorted(&window, percent);
        let fence = || Some((at(50.0)?, 3.0 * (at(90.0)? - at(10.0)?)));
        fence().map_or(*value, |(middle, far)| {
            value.clamp(middle - far, middle + far)
        })
    };
    values.iter().enumerate().map(at).collect()
}

#[cfg(test)]
mod tests;
