//! A time series that stays small however long it goes on.

use super::Sample;

/// The most samples that are kept. A thousand columns is what a picture shows at most.
const MOST: usize = 600;

/// Samples of equal length, but for the last. When there are too many, neighbours are merged, so that
/// there are half as many of twice the length.
#[derive(Debug, Clone)]
pub(super) struct Series {
    samples: Vec<Sample>,
    /// How many of those that were added are in each, and in the last.
    in_each: u64,
    in_last: u64,
}

impl Series {
    pub(super) fn new() -> Self {
        Self {
            samples: Vec::new(),
            in_each: 1,
            in_last: 1,
        }
    }

    pub(super) fn push(&mut self, sample: Sample) {
        match self.samples.last_mut() {
            Some(last) if self.in_last < self.in_each => {
                *last = merge(*last, sample);
                self.in_last += 1;
            }
            _ => {
                self.samples.push(sample);
                self.in_last = 1;
            }
        }
        if self.samples.len() > MOST {
            self.halve();
        }
    }

    pub(super) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    fn halve(&mut self) {
        if self.samples.len().is_multiple_of(2) {
            self.in_last += self.in_each;
        }
        self.in_each *= 2;
        let pairs = self.samples.chunks(2).map(|pair| match *pair {
            [a, b] => merge(a, b),
            _ => pair[0],
        });
        self.samples = pairs.collect();
    }
}

/// Two samples as one, each with the weight of its length.
fn merge(a: Sample, b: Sample) -> Sample {
    let span_s = a.span_s + b.span_s;
    let mean = |of: fn(Sample) -> Option<f64>| match (of(a), of(b)) {
        (Some(x), Some(y)) if span_s > 0.0 => Some((x * a.span_s + y * b.span_s) / span_s),
        (x, y) => x.or(y),
    };
    Sample {
        at_s: b.at_s,
        span_s,
        busy_share: mean(|sample| sample.busy_share),
        foreign_share: mean(|sample| sample.foreign_share),
        frequency_hz: mean(|sample| sample.frequency_hz),
        power_w: mean(|sample| sample.power_w),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_of_days_stays_small_and_keeps_means_and_time() {
        for count in [1, 599, 600, 601, 602, 1201, 1203, 432_000] {
            let mut series = Series::new();
            for n in 0..count {
                series.push(Sample {
                    at_s: f64::from(n + 1) * 0.2,
                    span_s: 0.2,
                    busy_share: Some(f64::from(n % 2)),
                    foreign_share: None,
                    frequency_hz: (n % 2 == 0).then_some(1e9),
                    power_w: None,
                });
            }
            let samples = series.samples();
            assert!(
                samples.len() <= MOST && samples.len() >= MOST.min(count as usize) / 2,
                "{count}"
            );
            let total_s = f64::from(count) * 0.2;
            let spans_s: f64 = samples.iter().map(|s| s.span_s).sum();
            assert!((spans_s - total_s).abs() < 1e-6 * total_s, "{count}");
            assert!(
                (samples.last().unwrap().at_s - total_s).abs() < 1e-9 * total_s,
                "{count}"
            );
            let busy_s: f64 = samples
                .iter()
                .map(|s| s.span_s * s.busy_share.unwrap())
                .sum();
            let expected_s = f64::from(count / 2) * 0.2;
            assert!((busy_s - expected_s).abs() < 1e-6 * total_s, "{count}");
            // All but the last are equally long.
            let first = samples[0].span_s;
            let rest = &samples[..samples.len() - 1];
            assert!(
                rest.iter().all(|s| (s.span_s - first).abs() < 1e-9),
                "{count}"
            );
            if count > 601 {
                assert!(
                    rest.iter()
                        .all(|s| (s.frequency_hz.unwrap() - 1e9).abs() < 1.0),
                    "{count}"
                );
            }
        }
    }
}
