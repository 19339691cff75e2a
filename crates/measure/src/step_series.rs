//! The times of all steps of a run, in as many points as a picture can show.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::statistics::median;

/// Points of a run at most: a record keeps 5 KB a run, and each is a column or two of a picture.
const MOST_POINTS: usize = 250;

/// The seconds of all steps in their order, so many steps to a point. Of a short training each step is a
/// point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepSeries {
    /// Steps of a point; the last may have fewer.
    pub steps_per_point: u64,
    /// The median step of each point.
    pub median_s: Vec<f64>,
    /// The slowest step of each point.
    pub slowest_s: Vec<f64>,
}

impl StepSeries {
    /// Of the steps of a run; `None` where there are none.
    pub(crate) fn of(steps_s: &[f32]) -> Option<Self> {
        let steps_per_point = steps_s.len().div_ceil(MOST_POINTS).max(1);
        let points = steps_s.chunks(steps_per_point).map(|steps| {
            let steps: Vec<f64> = steps.iter().copied().map(f64::from).collect();
            let slowest = steps.iter().copied().fold(0.0, f64::max);
            (rounded(median(&steps).unwrap_or(0.0)), rounded(slowest))
        });
        let (median_s, slowest_s): (Vec<f64>, Vec<f64>) = points.unzip();
        (!median_s.is_empty()).then_some(Self {
            steps_per_point: steps_per_point as u64,
            median_s,
            slowest_s,
        })
    }
}

/// To four digits, which is more than any clock is worth here: the others would double the record.
fn rounded(seconds: f64) -> f64 {
    format!("{seconds:.3e}").parse().unwrap_or(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_training_has_a_point_a_step() {
        let series = StepSeries::of(&[0.001_234_56, 0.002]).unwrap();
        assert_eq!(series.steps_per_point, 1);
        assert_eq!(series.median_s, [0.001235, 0.002]);
        assert_eq!(series.slowest_s, series.median_s);
        assert_eq!(StepSeries::of(&[]), None);
    }

    #[test]
    fn a_long_one_keeps_its_slow_steps() {
        let mut steps = vec![0.0001f32; 18_750];
        steps[10_000] = 0.5;
        let series = StepSeries::of(&steps).unwrap();
        assert_eq!(series.steps_per_point, 75);
        assert_eq!(series.median_s.len(), 250);
        assert!(series.median_s.iter().all(|it| *it == 0.0001));
        let slow: Vec<usize> = (0..250).filter(|at| series.slowest_s[*at] == 0.5).collect();
        assert_eq!(slow, [133]);
    }
}
