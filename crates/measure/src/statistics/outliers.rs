//! Values so far from the rest that something else must have happened.
//!
//! B. Iglewicz, D. C. Hoaglin: "How to Detect and Handle Outliers", ASQC Quality Press (1993).

use super::quantile::{median, median_absolute_deviation};

/// The modified z score above which Iglewicz and Hoaglin call a value an outlier.
const THRESHOLD: f64 = 3.5;

/// The fewest values among which an outlier can be told: the MAD of three is the smaller of two
/// gaps, and finds an outlier in 29 % of samples of three normal values.
const LEAST_VALUES: usize = 6;

/// The places of the values whose modified z score, 0.6745·(x − median)/MAD, is above 3.5 or
/// below −3.5, and of those that are not finite. No finite value is called one among fewer than 6.
///
/// They are to be shown, never to be dropped: the median and its interval do not mind them, and
/// what stalled a run may be what is measured. Of few values the score is rough: it flags 3 % of
/// values among 6 that are all of one normal distribution, 2 % among 10 and 0.4 % among 30.
///
/// Where more than half of the values are equal, the MAD is 0, and the score is
/// (x − median)/(1.2533·mean absolute deviation) instead; 1.2533 makes both the standard
/// deviation of normal values.
pub fn outliers(values: &[f64]) -> Vec<usize> {
    let finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    let scale = scale(&finite).filter(|_| finite.len() >= LEAST_VALUES);
    let is_outlier = |value: f64| {
        let far = scale.is_some_and(|(middle, sd)| (value - middle).abs() > THRESHOLD * sd);
        far || !value.is_finite()
    };
    let places = values.iter().enumerate();
    places
        .filter(|(_, x)| is_outlier(**x))
        .map(|(i, _)| i)
        .collect()
}

/// The median, and the standard deviation of the values without outliers.
fn scale(values: &[f64]) -> Option<(f64, f64)> {
    let middle = median(values)?;
    let mad = median_absolute_deviation(values)?;
    if mad > 0.0 {
        return Some((middle, mad / 0.6745));
    }
    let distances: f64 = values.iter().map(|value| (value - middle).abs()).sum();
    Some((middle, 1.253_314 * distances / values.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::super::simulate::{Noise, share_of};
    use super::*;

    #[test]
    fn a_stall_is_flagged_and_ordinary_times_are_not() {
        let times = [1.01, 0.99, 1.0, 1.02, 3.0, 0.98, 1.0];
        assert_eq!(outliers(&times), [4]);
        assert!(outliers(&[1.0; 8]).is_empty());
        // With a MAD of 0.
        let times = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.01, 1.0, 9.0];
        assert_eq!(outliers(&times), [9]);
    }

    #[test]
    fn what_is_not_finite_is_flagged_and_few_values_are_not() {
        let times = [f64::NAN, 1.0, f64::INFINITY, 1.1, 0.9];
        assert_eq!(outliers(&times), [0, 2]);
        assert!(outliers(&[1.0, 1.001, 50.0]).is_empty());
        assert!(outliers(&[]).is_empty());
    }

    #[test]
    fn few_values_of_runs_without_stalls_are_flagged() {
        for (n, most) in [(6, 0.06), (10, 0.03), (30, 0.01)] {
            let mut flagged = 0;
            share_of(2000, n as u64, |stream| {
                flagged += outliers(&Noise::LogNormal(0.02).times(stream, n)).len();
                true
            });
            let share = flagged as f64 / (2000 * n) as f64;
            assert!(share <= most, "{n}: {share}");
        }
    }
}
