//! The ratio of times that were taken in interleaved rounds, and its test.
//!
//! F. Wilcoxon: "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1 (1945);
//! J. L. Hodges, E. L. Lehmann: "Estimates of Location Based on Rank Tests", The Annals of
//! Mathematical Statistics 34 (1963); J. W. Tukey, 1949, for the averages.

use super::{Ratio, quantile::percentile_of_sorted, special::normal_below};

/// The significance level of the test, and what the interval misses.
const LEVEL: f64 = 0.05;

/// The pairs below which there is no interval: of five even the widest covers 93.8 % only.
pub const LEAST_PAIRS: usize = 6;

/// The most pairs for which the statistic's distribution is counted out: 2⁵⁰ sign patterns are
/// still exact in a double, and the normal approximation is good to 10⁻³ well before.
const MOST_EXACT: usize = 50;

/// How many times as long one side of a race took as the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedRatio {
    /// The Hodges–Lehmann estimate of the ratio.
    pub ratio: f64,
    /// Its 95 % interval; `None` below [`LEAST_PAIRS`].
    pub ci95: Option<[f64; 2]>,
    /// The two-sided p value of the hypothesis that the ratio is 1; below 0.05 exactly where the
    /// interval excludes 1.
    pub p: f64,
    /// The pairs that were used: those with two times that are finite and above 0.
    pub pairs: usize,
}

impl From<PairedRatio> for Ratio {
    fn from(paired: PairedRatio) -> Self {
        Self {
            ratio: paired.ratio,
            ci95: paired.ci95,
        }
    }
}

/// The ratio of the numerator's times to the denominator's; `None` without a usable pair.
///
/// The values at one place are of one round: what slowed the machine down in a round slowed both,
/// and cancels. The logarithm of a pair's ratio is then noise around the logarithm of the true
/// ratio, symmetric wherever both sides have the same noise, whatever its distribution; and that
/// is all that the signed-rank test assumes.
///
/// The estimate is the median of the averages of every two log-ratios and of each with itself
/// (Walsh averages). The signed-rank statistic is the number of averages on one side of the
/// hypothesis, and so the interval from the (c+1)-th smallest to the (c+1)-th largest average,
/// with c the largest for which 2·P(T ≤ c) < 5 %, holds exactly the ratios that the test does not
/// reject.
///
/// Averages of exactly 0, from equal times and from opposite ties, count as being on both sides,
/// against a rejection. Ties among the sizes of the log-ratios get mean ranks by that count; the
/// distribution used is the one without ties, which is wider. Both make the test conservative,
/// and neither occurs with times of a real clock. Above 50 pairs the distribution is the normal
/// one, with continuity correction. Time and memory grow with the square of the pairs: 1,000 take
/// milliseconds.
pub fn paired_ratio(numerator: &[f64], denominator: &[f64]) -> Option<PairedRatio> {
    let is_time = |time: f64| time.is_finite() && time > 0.0;
    let log_ratios: Vec<f64> = numerator
        .iter()
        .zip(denominator)
        .filter(|(above, below)| is_time(**above) && is_time(**below))
        // Not the logarithm of the quotient, which may overflow.
        .map(|(above, below)| above.ln() - below.ln())
        .collect();
    let pairs = log_ratios.len();
    let averages = walsh_averages(&log_ratios);
    let ratio = percentile_of_sorted(&averages, 50.0)?.exp();
    let tails = SignedRank::of(pairs);
    let at_most_1 = averages.iter().filter(|average| **average <= 0.0).count();
    let at_least_1 = averages.iter().filter(|average| **average >= 0.0).count();
    let p = tails.two_sided(at_most_1.min(at_least_1));
    let ci95 = tails.largest_rejected().map(|c| {
        let last = averages.len() - 1;
        [averages[c].exp(), averages[last - c].exp()]
    });
    Some(PairedRatio {
        ratio,
        ci95,
        p,
        pairs,
    })
}

/// The averages of every two values and of each with itself, in ascending order.
fn walsh_averages(values: &[f64]) -> Vec<f64> {
    let mut averages = Vec::with_capacity(values.len() * (values.len() + 1) / 2);
    for (i, a) in values.iter().enumerate() {
        averages.extend(values[i..].iter().map(|b| f64::midpoint(*a, *b)));
    }
    averages.sort_unstable_by(f64::total_cmp);
    averages
}

/// The distribution of the signed-rank statistic T under the hypothesis.
enum SignedRank {
    /// P(T ≤ t) for t from 0.
    Exact(Vec<f64>),
    /// The mean and the standard deviation.
    Normal(f64, f64),
}

impl SignedRank {
    fn of(pairs: usize) -> Self {
        let n = pairs as f64;
        let most = pairs * (pairs + 1) / 2;
        if pairs > MOST_EXACT {
            let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0;
            return SignedRank::Normal(most as f64 / 2.0, variance.sqrt());
        }
        // Each rank is in T or not, with equal probability.
        let mut probabilities = vec![0.0; most + 1];
        probabilities[0] = 1.0;
        for rank in 1..=pairs {
            for t in (0..=most).rev() {
                let with = if t >= rank {
                    probabilities[t - rank]
                } else {
                    0.0
                };
                probabilities[t] = (probabilities[t] + with) / 2.0;
            }
        }
        let mut sum = 0.0;
        for probability in &mut probabilities {
            sum += *probability;
            *probability = sum;
        }
        SignedRank::Exact(probabilities)
    }

    /// 2·P(T ≤ t), at most 1.
    fn two_sided(&self, t: usize) -> f64 {
        let below = match self {
            SignedRank::Exact(below) => below.get(t).copied().unwrap_or(1.0),
            SignedRank::Normal(mean, sd) => normal_below((t as f64 + 0.5 - mean) / sd),
        };
        (2.0 * below).min(1.0)
    }

    /// The largest t that the test rejects, if it rejects any.
    fn largest_rejected(&self) -> Option<usize> {
        let rejected = (0..).take_while(|t| self.two_sided(*t) < LEVEL);
        rejected.last()
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulate::{Noise, coverage};
    use super::*;
    use laptime_workload::random::Stream;

    /// Rounds with a noise that both sides share and one that each has alone.
    fn race(stream: &mut Stream, rounds: usize, ratio: f64) -> Option<PairedRatio> {
        let common = Noise::LogNormal(0.1).times(stream, rounds);
        let mut side = |factor: f64| -> Vec<f64> {
            let own = Noise::LogNormal(0.01);
            common
                .iter()
                .map(|time| factor * time * own.time(stream))
                .collect()
        };
        paired_ratio(&side(ratio), &side(1.0))
    }

    #[test]
    fn the_critical_values_are_those_of_the_tables() {
        // The two-sided 5 % points of Wilcoxon's tables: the largest T that is significant.
        for (pairs, critical) in [
            (5, None),
            (6, Some(0)),
            (8, Some(3)),
            (10, Some(8)),
            (20, Some(52)),
            (30, Some(137)),
            (50, Some(434)),
        ] {
            assert_eq!(
                SignedRank::of(pairs).largest_rejected(),
                critical,
                "{pairs}"
            );
        }
        // R: psignrank(52, 20) · 2.
        assert!((SignedRank::of(20).two_sided(52) - 0.048_441).abs() < 1e-4);
        let (exact, normal) = (SignedRank::of(50), SignedRank::Normal(637.5, 103.591_2));
        for t in [300, 434, 600] {
            assert!(
                (exact.two_sided(t) - normal.two_sided(t)).abs() < 3e-3,
                "{t}"
            );
        }
    }

    #[test]
    fn the_test_and_the_interval_agree_with_and_without_ties() {
        for rounds in [3, 6, 7, 12, 60] {
            for coarse in [false, true] {
                let share = coverage(rounds as u64, |stream| {
                    let mut times = Noise::LogNormal(0.02).times(stream, rounds);
                    times.iter_mut().for_each(|time| *time *= 1.01);
                    if coarse {
                        times
                            .iter_mut()
                            .for_each(|time| *time = (*time * 50.0).round() / 50.0);
                    }
                    let found = paired_ratio(&times, &vec![1.0; rounds]).expect("pairs");
                    let excludes_1 = found
                        .ci95
                        .is_some_and(|[low, high]| low > 1.0 || high < 1.0);
                    excludes_1 == (found.p < 0.05)
                });
                assert_eq!(share, 1.0, "{rounds}");
            }
        }
    }

    #[test]
    fn equal_engines_differ_in_5_percent_of_races_and_the_ratio_is_covered_in_95() {
        for rounds in [6, 8, 12, 20] {
            let false_alarms = coverage(1, |stream| {
                race(stream, rounds, 1.0).is_some_and(|found| found.p < 0.05)
            });
            let covered = coverage(2, |stream| {
                let [low, high] = race(stream, rounds, 1.3)
                    .and_then(|r| r.ci95)
                    .expect("enough");
                low <= 1.3 && 1.3 <= high
            });
            // 5 % and three standard errors.
            assert!(false_alarms <= 0.05 + 0.015, "{rounds}: {false_alarms}");
            assert!((0.935..=0.98).contains(&covered), "{rounds}: {covered}");
        }
    }

    #[test]
    fn a_difference_of_twice_the_noise_is_found_in_few_rounds() {
        let found = coverage(3, |stream| {
            race(stream, 8, 1.03).is_some_and(|found| found.p < 0.05)
        });
        assert!(found > 0.9, "{found}");
    }

    #[test]
    fn what_cannot_be_paired_is_left_out() {
        let found = paired_ratio(&[2.0, f64::NAN, 2.0, 0.0, 4.0], &[1.0, 1.0, 1.0, 1.0]);
        let expected = PairedRatio {
            ratio: 2.0,
            ci95: None,
            p: 0.5,
            pairs: 2,
        };
        assert_eq!(found, Some(expected));
        assert_eq!(paired_ratio(&[f64::INFINITY, -1.0], &[1.0, 1.0]), None);
        assert_eq!(paired_ratio(&[], &[]), None);
        let same = paired_ratio(&[3.0; 9], &[3.0; 9]).expect("pairs");
        assert_eq!(
            (same.ratio, same.p, same.ci95),
            (1.0, 1.0, Some([1.0, 1.0]))
        );
    }
}
