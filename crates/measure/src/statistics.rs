//! All the statistics of laptime, in one place.
//!
//! Times of runs are not normally distributed: they have a floor and a long tail. So the middle
//! is the median, and its interval is free of any distribution (T. Hoefler, R. Belli: "Scientific
//! Benchmarking of Parallel Computing Systems", SC '15, rules 5 to 8).

use laptime_workload::random::{Purpose, Stream};

/// The value below which `percent` of the values lie; `None` without values.
///
/// Linear between the two nearest order statistics, as R and NumPy do by default: definition 7 of
/// R. J. Hyndman, Y. Fan: "Sample Quantiles in Statistical Packages", The American Statistician
/// 50 (1996). NaN counts as the largest value.
pub fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    let sorted = sorted(values);
    let last = sorted.len().checked_sub(1)?;
    let place = percent.clamp(0.0, 100.0) / 100.0 * last as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    let share = place.fract();
    // Exactly at a value, or between equal ones: infinity less infinity would be NaN.
    let is_at = share == 0.0 || below == above;
    Some(if is_at {
        below
    } else {
        below + (above - below) * share
    })
}

/// The median; `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    percentile(values, 50.0)
}

/// The interval that covers the true median with at least 95 % probability, whatever the
/// distribution; `None` below 6 values, of which not even the smallest and the largest do.
///
/// The number of values below the true median is binomial with p = 1/2. The interval from the
/// k-th smallest to the k-th largest misses it with probability 2·P(Binomial(n, 1/2) < k), and k
/// is the largest for which that is at most 5 % (J.-Y. Le Boudec: "Performance Evaluation of
/// Computer and Communication Systems", 2010, theorem 2.1). For n = 6 it is 2/2⁶ = 3.1 %; for
/// n = 5 it would be 6.3 %.
pub fn median_interval_95(values: &[f64]) -> Option<[f64; 2]> {
    let n = values.len();
    // Added up from P(X = 0) = 2⁻ⁿ by P(X = k+1) = P(X = k)·(n−k)/(k+1).
    let mut probability = 0.5f64.powi(i32::try_from(n).ok()?);
    let mut below = probability;
    let mut k = 0;
    while 2.0 * below <= 0.05 && k < n / 2 {
        probability *= (n - k) as f64 / (k + 1) as f64;
        below += probability;
        k += 1;
    }
    let sorted = sorted(values);
    (k > 0).then(|| [sorted[k - 1], sorted[n - k]])
}

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

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    // NaN last, whichever its sign, which is an accident of the processor.
    sorted.sort_by(|a, b| a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(b)));
    sorted
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
    fn percentiles_are_numpys() {
        let values = [4.0, 1.0, 3.0, 2.0];
        // numpy.percentile([4, 1, 3, 2], q)
        for (percent, expected) in [
            (0.0, 1.0),
            (50.0, 2.5),
            (95.0, 3.85),
            (99.0, 3.97),
            (100.0, 4.0),
        ] {
            let found = percentile(&values, percent).expect("there are values");
            assert!((found - expected).abs() < 1e-12, "{percent}: {found}");
        }
        assert_eq!(percentile(&[], 50.0), None);
        assert_eq!(median(&[7.0]), Some(7.0));
    }

    #[test]
    fn values_that_are_not_finite_lie_at_the_ends_and_spoil_no_others() {
        let infinity = f64::INFINITY;
        for nan in [f64::NAN, -f64::NAN] {
            assert_eq!(median(&[nan, 1.0, 2.0, nan, 3.0]), Some(3.0));
            assert!(median(&[nan, 1.0, nan]).is_some_and(f64::is_nan));
        }
        assert_eq!(median(&[infinity, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[infinity, 1.0, infinity]), Some(infinity));
        assert_eq!(median(&[infinity, infinity]), Some(infinity));
        assert_eq!(median(&[infinity, 1.0]), Some(infinity));
        assert_eq!(percentile(&[1.0, 2.0, infinity], 50.0), Some(2.0));
    }

    #[test]
    fn the_medians_interval_takes_the_order_statistics_of_the_tables() {
        // Le Boudec 2010, table A.1 (n, j, k), from the 1st smallest on.
        for (n, lower, upper) in [(6, 1, 6), (7, 1, 7), (9, 2, 8), (12, 3, 10), (20, 6, 15)] {
            let values: Vec<f64> = (1..=n).rev().map(f64::from).collect();
            let expected = Some([f64::from(lower), f64::from(upper)]);
            assert_eq!(median_interval_95(&values), expected, "{n}");
        }
        for n in 0..6 {
            assert_eq!(median_interval_95(&vec![1.0; n]), None, "{n}");
        }
    }

    #[test]
    fn the_medians_interval_covers_a_skewed_median_as_often_as_it_says() {
        let mut stream = Stream::new(3, Purpose::Order, 0);
        for n in [6, 11, 30] {
            let covered = (0..2000).filter(|_| {
                // Exponential times: their median is ln 2.
                let values: Vec<f64> = (0..n).map(|_| -(1.0 - stream.next_unit()).ln()).collect();
                let [low, high] = median_interval_95(&values).expect("enough values");
                (low..=high).contains(&std::f64::consts::LN_2)
            });
            let covered = covered.count();
            assert!(covered >= 1880, "{covered} of 2000 with {n} values");
        }
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
