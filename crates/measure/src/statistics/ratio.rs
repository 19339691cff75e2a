//! The ratio of two medians of interleaved rounds, by the bootstrap.
//!
//! T. Kalibera, R. Jones: "Rigorous Benchmarking in Reasonable Time", ISMM '13, section 7.1.

use super::quantile::{median, percentile};
use laptime_workload::random::{Purpose, Stream};

/// The ratio of two medians.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// Median over median.
    pub ratio: f64,
    /// Its 95 % interval; `None` below [`LEAST_ROUNDS`].
    pub ci95: Option<[f64; 2]>,
}

/// The rounds below which a ratio has no interval: what the bootstrap calls 95 % then covers the true
/// ratio of skewed times in 50 % of all races with 2 rounds, in 78 % with 3, in 88 % with 4; in 93 %
/// with 5, and in 95 % and more from 8 on.
pub const LEAST_ROUNDS: usize = 5;

/// Resamples of a bootstrap. B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap"
/// (1993), section 14.3, asks for 1,000 or more for the ends of a percentile interval; with
/// 10,000, the ends' own error is a tenth of what the next run changes, and it takes milliseconds.
const RESAMPLES: usize = 10_000;

/// The median of `numerator` over the median of `denominator`, with the percentile bootstrap's
/// 95 % interval (T. Kalibera, R. Jones: "Rigorous Benchmarking in Reasonable Time", ISMM '13, section
/// 7.1). The values at one place are of one round, and so whole rounds are drawn anew: what slowed the
/// machine down in a round slowed both. A last round that only one side has is in its median alone.
/// The resampling is deterministic, so that the same records always give the same interval.
pub fn ratio_of_medians(numerator: &[f64], denominator: &[f64]) -> Option<Ratio> {
    let ratio = median(numerator)? / median(denominator)?;
    let rounds = numerator.len().min(denominator.len());
    if rounds < LEAST_ROUNDS {
        return Some(Ratio { ratio, ci95: None });
    }
    let mut stream = Stream::new(0, Purpose::Resample, 0);
    let (mut above, mut below) = (vec![0.0; rounds], vec![0.0; rounds]);
    let ratios: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            for (above, below) in above.iter_mut().zip(&mut below) {
                let round = stream.next_below(rounds as u32) as usize;
                (*above, *below) = (numerator[round], denominator[round]);
            }
            Some(median(&above)? / median(&below)?)
        })
        .collect();
    let ends = (percentile(&ratios, 2.5)?, percentile(&ratios, 97.5)?);
    Some(Ratio {
        ratio,
        ci95: Some([ends.0, ends.1]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// n values that are spread evenly over 0..1 in a scrambled order.
    fn spread(n: usize) -> Vec<f64> {
        (0..n)
            .map(|i| (i * 7 % n) as f64 / (n - 1) as f64)
            .collect()
    }

    #[test]
    fn a_ratios_interval_holds_the_ratio_and_narrows_with_more_values() {
        let ratio = |n: usize| {
            // Backwards, so that no round is slow for both.
            let slow: Vec<f64> = spread(n).iter().rev().map(|v| 2.0 + 0.2 * v).collect();
            let fast: Vec<f64> = spread(n).iter().map(|v| 1.0 + 0.1 * v).collect();
            ratio_of_medians(&slow, &fast).expect("there are values")
        };
        let width = |r: Ratio| {
            let [low, high] = r.ci95.expect("there are several values");
            assert!(low <= r.ratio && r.ratio <= high, "{r:?}");
            high - low
        };
        assert!((ratio(5).ratio - 2.0).abs() < 1e-12);
        assert!(width(ratio(25)) < width(ratio(5)));
        assert_eq!(ratio(5), ratio(5), "resampling is deterministic");
        let few = ratio_of_medians(&[3.0; 9], &[1.5; 4]).expect("there are values");
        assert_eq!((few.ratio, few.ci95), (2.0, None));
        assert_eq!(ratio_of_medians(&[], &[1.0]), None);
    }

    #[test]
    fn what_slows_both_sides_of_a_round_is_no_doubt_about_the_ratio() {
        let fast = [1.0, 5.0, 2.0, 4.0, 3.0];
        let ratio = ratio_of_medians(&fast.map(|time| 2.0 * time), &fast);
        assert_eq!(ratio.expect("there are values").ci95, Some([2.0, 2.0]));
    }

    #[test]
    fn a_ratios_interval_covers_it_nearly_as_often_as_it_says_from_the_fewest_rounds_on() {
        let mut stream = Stream::new(5, Purpose::Order, 0);
        let mut late = |scale: f64| 1.0 - scale * (1.0 - stream.next_unit()).ln();
        let covered = (0..300).filter(|_| {
            let rounds: Vec<f64> = (0..LEAST_ROUNDS).map(|_| late(0.05)).collect();
            let slow: Vec<f64> = rounds.iter().map(|time| 2.0 * time * late(0.03)).collect();
            let fast: Vec<f64> = rounds.iter().map(|time| time * late(0.03)).collect();
            let ratio = ratio_of_medians(&slow, &fast).expect("there are values");
            let [low, high] = ratio.ci95.expect("there are rounds enough");
            (low..=high).contains(&2.0)
        });
        let covered = covered.count();
        assert!(covered >= 264, "{covered} of 300");
    }
}
