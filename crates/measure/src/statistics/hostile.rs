//! Whatever a record holds, statistics never panic: files are read from elsewhere.

use super::*;
use laptime_workload::random::{Purpose, Stream};

const VALUES: [f64; 12] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    -1.0,
    f64::MIN_POSITIVE,
    5e-324,
    f64::MAX,
    1.0,
    1.0,
    1.01,
];

/// Up to 69 values, of all or of those that could be times only.
fn values(stream: &mut Stream) -> Vec<f64> {
    let first = 6 * stream.next_below(2);
    let n = stream.next_below(70);
    let mut value = || VALUES[(first + stream.next_below(12 - first)) as usize];
    (0..n).map(|_| value()).collect()
}

#[test]
fn no_values_make_a_statistic_panic() {
    let mut stream = Stream::new(1, Purpose::Order, 0);
    for _ in 0..2000 {
        let (a, b) = (values(&mut stream), values(&mut stream));
        let one = b.first().copied().unwrap_or(0.0);
        percentile(&a, one);
        scaled_mad(&a);
        outliers(&a);
        steady_state(&a);
        holm(&a);
        // Exact orders of 8 runs take a millisecond.
        drift(&a[..a.len().min(7)]);
        drift(&a);
        runs_to_make(&a[..a.len().min(3)], one, 0.02);
        runs_to_make(&a, 1e3, one);
        occasion_log_sd(&[a.clone(), b.clone()]);
        for [low, high] in [
            median_interval_95(&a),
            paired_ratio(&a, &b).and_then(|found| found.ci95),
            ratio_of_independent_medians(&a, &b, one).and_then(|found| found.ci95),
        ]
        .into_iter()
        .flatten()
        {
            assert!(low <= high, "{low} {high} of {a:?} and {b:?}");
        }
    }
}

#[test]
fn no_rounds_make_a_fit_panic() {
    let mut stream = Stream::new(2, Purpose::Order, 0);
    for _ in 0..20 {
        let mut round = || -> Vec<f64> {
            let time = |_| VALUES[6 + stream.next_below(6) as usize];
            (0..3).map(time).collect()
        };
        let (x, other_x) = (round(), round());
        let rounds: Vec<Vec<f64>> = (0..6).map(|_| round()).collect();
        if let (Some(one), Some(other)) = (fit_line(&x, &rounds), fit_line(&other_x, &rounds)) {
            crossover(&one, &other);
        }
    }
}
