//! The ratio of medians of records that were not taken together.
//!
//! G. Y. Zou, A. Donner: "Construction of Confidence Limits about Effect Measures: A General
//! Approach", Statistics in Medicine 27 (2008), for the interval of a difference from the
//! intervals of its terms; R. M. Price, D. G. Bonett: "Distribution-Free Confidence Intervals for
//! Difference and Ratio of Medians", Journal of Statistical Computation and Simulation 72 (2002),
//! for the ratio by the difference of logarithms.

use super::{
    interval::median_interval_95,
    quantile::median,
    special::{Z_975, student_t_975},
};

/// The ratio of two times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// One over the other.
    pub ratio: f64,
    /// Its 95 % interval; `None` where there are too few values.
    pub ci95: Option<[f64; 2]>,
}

/// The median of `numerator` over the median of `denominator`, of independent records; `None`
/// where one has no positive finite median.
///
/// In logarithms, a ratio is a difference, and the distances of the two intervals' ends from their
/// medians add up in squares (MOVER). No shape of the distributions is assumed, nor that both are
/// alike; where both have an interval (6 values), the ratio has one.
///
/// A machine on another day, after a reboot or in another room is another 1 or 2 % fast, and no
/// number of runs on one day shows it. `occasion_log_sd` is the standard deviation of the
/// logarithm of that factor, which each of the two records carries: the squares get 2·(1.96·sd)²
/// more. 0 claims that both records are of one occasion. See [`occasion_log_sd`] for a measured
/// one, and [`widened_log_sd`] for what to pass if that was measured on few occasions.
pub fn ratio_of_independent_medians(
    numerator: &[f64],
    denominator: &[f64],
    occasion_log_sd: f64,
) -> Option<Ratio> {
    let is_positive = |value: &f64| value.is_finite() && *value > 0.0;
    let above = median(numerator).filter(is_positive)?.ln();
    let below = median(denominator).filter(is_positive)?.ln();
    let interval = || {
        let ends = log_ratio_interval(
            (above, log_interval(numerator)?),
            (below, log_interval(denominator)?),
        );
        let (log_ratio, ends) = (above - below, ends.map(f64::exp));
        // An unknown spread of occasions, NaN, is no interval.
        let ends = widened_for_occasions(log_ratio.exp(), ends, occasion_log_sd);
        ends.iter().all(|end| end.is_finite()).then_some(ends)
    };
    Some(Ratio {
        ratio: (above - below).exp(),
        ci95: interval(),
    })
}

/// The ratio of two medians that are known with their intervals, as [`ratio_of_independent_medians`] has it of
/// raw values of one occasion.
pub fn ratio_of_medians_with_intervals(
    (numerator, numerator_ci95): (f64, Option<[f64; 2]>),
    (denominator, denominator_ci95): (f64, Option<[f64; 2]>),
) -> Ratio {
    let logs = |ends: [f64; 2]| ends.map(f64::ln);
    Ratio {
        ratio: numerator / denominator,
        ci95: numerator_ci95.zip(denominator_ci95).map(|(above, below)| {
            let above = (numerator.ln(), logs(above));
            log_ratio_interval(above, (denominator.ln(), logs(below))).map(f64::exp)
        }),
    }
}

/// The interval of a difference of logarithms, by MOVER.
fn log_ratio_interval(
    (above, [above_low, above_high]): (f64, [f64; 2]),
    (below, [below_low, below_high]): (f64, [f64; 2]),
) -> [f64; 2] {
    let log_ratio = above - below;
    [
        log_ratio - (above - above_low).hypot(below_high - below),
        log_ratio + (above_high - above).hypot(below - below_low),
    ]
}

/// The geometric mean of ratios that were measured apart: their errors add up as squares, in logarithms. It has
/// an interval where all of them have one.
pub fn geometric_mean(ratios: &[Ratio]) -> Ratio {
    let count = ratios.len() as f64;
    let mean = ratios.iter().map(|it| it.ratio.ln()).sum::<f64>() / count;
    let end = |which: usize| -> Option<f64> {
        let squares = ratios.iter().map(|it| {
            let end = it.ci95?[which];
            Some((end.ln() - it.ratio.ln()).powi(2))
        });
        let squares: Option<f64> = squares.sum();
        squares.map(|it| it.sqrt() / count)
    };
    Ratio {
        ratio: mean.exp(),
        ci95: end(0)
            .zip(end(1))
            .map(|(below, above)| [(mean - below).exp(), (mean + above).exp()]),
    }
}

/// The ends of a ratio's interval for two records that each carry the factor of an occasion of its own, whose
/// logarithm has this standard deviation: in logarithms, squares of distances add up.
pub fn widened_for_occasions(ratio: f64, ends: [f64; 2], occasion_log_sd: f64) -> [f64; 2] {
    let occasions = 2f64.sqrt() * Z_975 * occasion_log_sd;
    let [below, above] = ends.map(|end| (end / ratio).ln().hypot(occasions));
    [ratio * (-below).exp(), ratio * above.exp()]
}

/// The interval of the median of the logarithms.
fn log_interval(values: &[f64]) -> Option<[f64; 2]> {
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    median_interval_95(&logs)
}

/// The standard deviation of the logarithms of medians of repeated occasions, pooled over groups,
/// and its degrees of freedom; `None` where no group has two usable medians.
///
/// A group is one subject (a workload, an engine and a machine) that was measured on several
/// occasions, and holds one median of each. The squared deviations from each group's mean are
/// added up and divided by the degrees of freedom, one less than the medians in each group. What
/// the medians' own intervals contribute is in it, and makes it a little too large.
pub fn occasion_log_sd(medians_by_group: &[Vec<f64>]) -> Option<(f64, usize)> {
    let (mut squares, mut degrees_of_freedom) = (0.0, 0);
    for group in medians_by_group {
        let usable = group.iter().filter(|m| m.is_finite() && **m > 0.0);
        let logs: Vec<f64> = usable.map(|median| median.ln()).collect();
        let mean = logs.iter().sum::<f64>() / logs.len().max(1) as f64;
        squares += logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>();
        degrees_of_freedom += logs.len().saturating_sub(1);
    }
    let variance = squares / degrees_of_freedom as f64;
    (degrees_of_freedom > 0).then(|| (variance.sqrt(), degrees_of_freedom))
}

/// The spread to pass to [`ratio_of_independent_medians`] where it was measured with so many
/// degrees of freedom: sd·t/1.96 with Student's t, since an interval of 1.96 standard deviations
/// is too narrow where the standard deviation itself is uncertain. With 1 degree it is 6.5 times
/// as wide, with 5 it is 1.3 times, with 30 it is 1.04 times.
pub fn widened_log_sd(log_sd: f64, degrees_of_freedom: usize) -> f64 {
    log_sd * student_t_975(degrees_of_freedom) / Z_975
}

#[cfg(test)]
mod tests {
    use super::super::simulate::{Noise, coverage, normal};
    use super::*;

    #[test]
    fn it_covers_the_ratio_as_often_as_it_says_whatever_the_two_shapes() {
        let skewed = Noise::LogNormal(0.03);
        for (above, below) in [
            (skewed, skewed),
            (Noise::Bimodal, Noise::Bimodal),
            (Noise::Bimodal, skewed),
            (Noise::LogNormal(0.15), skewed),
        ] {
            for (n, m) in [(6, 6), (6, 30), (8, 8), (12, 12), (30, 30)] {
                let truth = above.median() / below.median();
                let covered = coverage((n + m) as u64, |stream| {
                    let (a, b) = (above.times(stream, n), below.times(stream, m));
                    let found = ratio_of_independent_medians(&a, &b, 0.0);
                    let [low, high] = found.and_then(|r| r.ci95).expect("enough");
                    low <= truth && truth <= high
                });
                assert!((0.93..=0.985).contains(&covered), "{n} {m}: {covered}");
            }
        }
    }

    /// How often a ratio is covered that two occasions blur, with the true spread of occasions or
    /// with one that was measured in two groups of three.
    fn covered_over_occasions(is_known: bool, is_used: bool) -> f64 {
        const SPREAD: f64 = 0.02;
        coverage(9, |stream| {
            let mut record = |n: usize| -> Vec<f64> {
                let occasion = (SPREAD * normal(stream)).exp();
                let times = Noise::LogNormal(0.01).times(stream, n);
                times.iter().map(|time| occasion * time).collect()
            };
            let (a, b) = (record(10), record(10));
            let mut medians = || (0..3).filter_map(|_| median(&record(10))).collect();
            let groups: [Vec<f64>; 2] = [medians(), medians()];
            let sd = match (is_used, is_known) {
                (false, _) => 0.0,
                (true, true) => SPREAD,
                (true, false) => {
                    let (log_sd, df) = occasion_log_sd(&groups).expect("repeats");
                    widened_log_sd(log_sd, df)
                }
            };
            let found = ratio_of_independent_medians(&a, &b, sd);
            let [low, high] = found.and_then(|r| r.ci95).expect("enough");
            low <= 1.0 && 1.0 <= high
        })
    }

    #[test]
    fn records_of_two_occasions_need_the_spread_of_occasions() {
        let (without, with, measured) = (
            covered_over_occasions(true, false),
            covered_over_occasions(true, true),
            covered_over_occasions(false, true),
        );
        assert!(without < 0.6, "{without}");
        assert!((0.93..=0.97).contains(&with), "{with}");
        assert!((0.93..=0.985).contains(&measured), "{measured}");
    }

    #[test]
    fn what_has_no_median_has_no_ratio_and_few_values_no_interval() {
        let ratio = |a: &[f64], b: &[f64]| ratio_of_independent_medians(a, b, 0.0);
        let few = ratio(&[3.0; 5], &[1.5; 9]).expect("medians");
        assert!((few.ratio - 2.0).abs() < 1e-12 && few.ci95.is_none());
        assert_eq!(ratio(&[], &[1.0]), None);
        assert_eq!(ratio(&[1.0], &[0.0]), None);
        assert_eq!(ratio(&[f64::NAN], &[1.0]), None);
        let unknown = ratio_of_independent_medians(&[1.0; 6], &[1.0; 6], f64::NAN);
        assert_eq!(unknown.and_then(|r| r.ci95), None);
    }

    #[test]
    fn the_spread_of_occasions_is_pooled_over_groups() {
        let groups = [
            vec![1.0, (0.02f64).exp()],
            vec![5.0],
            vec![],
            vec![f64::NAN, 0.0, 7.0, 7.0],
        ];
        let (log_sd, df) = occasion_log_sd(&groups).expect("two groups with repeats");
        assert!((log_sd - 0.01).abs() < 1e-12, "{log_sd}");
        assert_eq!(df, 2);
        assert_eq!(occasion_log_sd(&[vec![1.0]]), None);
        assert!((widened_log_sd(1.0, 5) - 1.31).abs() < 0.01);
    }
}
