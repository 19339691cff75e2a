use super::super::simulate::{Noise, normal, share_of};
use super::*;
use laptime_workload::random::Stream;

fn is_detected(values: &[f64]) -> bool {
    drift(values).expect("enough runs").is_detected()
}

/// Runs of which each keeps a share of how late its predecessor was.
fn correlated(stream: &mut Stream, n: usize, share: f64) -> Vec<f64> {
    let mut late = normal(stream);
    let mut next = || {
        late = share * late + (1.0 - share * share).sqrt() * normal(stream);
        (0.02 * late).exp()
    };
    (0..n).map(|_| next()).collect()
}

#[test]
fn the_trends_probabilities_are_those_of_the_tables() {
    // Kendall's S for n = 6 and 8: P(S ≥ 13) = 6/720, P(S ≥ 20) = 0.00071 (M. Hollander,
    // D. A. Wolfe, table A.30); an S of n(n−1)/2 − 2k has k inversions.
    assert!((inversions_at_most(1, 6) - 6.0 / 720.0).abs() < 1e-12);
    assert!((inversions_at_most(4, 8) - 0.0071).abs() < 5e-5);
    assert!((trend_p(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) - 2.0 / 720.0).abs() < 1e-12);
    // The exact and the normal one meet.
    let mut values: Vec<f64> = (0..60)
        .map(|i| f64::from(i * 7 % 60) + 0.2 * f64::from(i))
        .collect();
    let exact = trend_p(&values);
    values[1] = values[0];
    assert!((exact - trend_p(&values)).abs() < 0.01, "{exact}");
}

#[test]
fn independent_runs_alarm_in_one_percent_of_records() {
    for n in [6, 7, 9, 10, 12, 20, 40] {
        for noise in [Noise::LogNormal(0.02), Noise::Bimodal] {
            let alarms = share_of(2500, n as u64, |stream| {
                is_detected(&noise.times(stream, n))
            });
            // 1 % and three standard errors (0.2 %).
            assert!(alarms <= 0.01 + 0.006, "{n}: {alarms}");
        }
    }
}

#[test]
fn runs_that_warm_up_or_depend_on_each_other_alarm() {
    for (n, least) in [(8, 0.5), (12, 0.95)] {
        let found = share_of(1000, 1, |stream| {
            let times = Noise::LogNormal(0.01).times(stream, n);
            // 1 % slower a run.
            let slower = times
                .iter()
                .zip(0..)
                .map(|(time, i)| time * (1.0 + 0.01 * f64::from(i)));
            is_detected(&slower.collect::<Vec<_>>())
        });
        assert!(found >= least, "{n}: {found}");
    }
    for (n, least) in [(12, 0.2), (30, 0.8)] {
        let found = share_of(1000, 2, |stream| is_detected(&correlated(stream, n, 0.7)));
        assert!(found >= least, "{n}: {found}");
    }
}

#[test]
fn ties_and_values_that_are_not_finite_spoil_nothing() {
    assert_eq!(drift(&[1.0; 5]), None);
    assert_eq!(drift(&[f64::NAN; 9]), None);
    for n in [6, 8, 9, 70] {
        let same = drift(&vec![1.0; n]).expect("enough runs");
        assert_eq!((same.trend_p, same.autocorrelation_p), (1.0, 1.0), "{n}");
    }
    let infinite = [1.0, 2.0, f64::INFINITY, 3.0, f64::INFINITY, 2.0, 1.0];
    assert!(!is_detected(&infinite));
}
