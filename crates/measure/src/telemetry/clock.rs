//! Whether the processor's clock slowed down, and when.

use super::{Sample, Telemetry};
use crate::statistics::median;

/// A clock that is this much slower than before counts where the processor itself counted that it was
/// too hot: that was no choice of the system's then.
const SLOWER_HOT: f64 = 0.05;

/// And without such a count. The turbo of a processor under load moves by some percent with what it
/// executes; where its power limit ends the turbo, as laptops' does after half a minute, it falls by a
/// fifth or more.
const SLOWER: f64 = 0.10;

/// The fewest samples on either side of a change: a second. Below that a clock is still finding its
/// speed.
const FEWEST: usize = 5;

/// A clock that was slower from some time on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slowdown {
    pub(super) from_s: f64,
    pub(super) slower_share: f64,
}

/// Whether the clock of the cores that trained slowed down during the run, or was below what the maker
/// guarantees all the time.
pub(super) fn slowdown(telemetry: &Telemetry) -> Option<Slowdown> {
    let is_hot = telemetry.throttle_events.is_some_and(|events| events > 0);
    let threshold = if is_hot { SLOWER_HOT } else { SLOWER };
    let training = training(&telemetry.samples);
    let base_hz = telemetry.frequency.and_then(|frequency| frequency.base_hz);
    let slower = |of_hz: f64, than_hz: f64| {
        let share = 1.0 - of_hz / than_hz;
        (share.is_finite() && share >= threshold).then_some(share)
    };
    let during = || {
        let (before, after) = training.split_at_checked(change(&training)?)?;
        Some(Slowdown {
            slower_share: slower(median_hz(after)?, median_hz(before)?)?,
            from_s: before.last()?.0,
        })
    };
    let always = || {
        Some(Slowdown {
            slower_share: slower(median_hz(&training)?, base_hz?)?,
            from_s: 0.0,
        })
    };
    if training.len() < FEWEST {
        return None;
    }
    during().or_else(always)
}

/// The ends and frequencies of the samples in which the run's own processes were at work: an idle
/// core's clock is slow without any harm.
fn training(samples: &[Sample]) -> Vec<(f64, f64)> {
    let own = |sample: &Sample| match (sample.busy_share, sample.foreign_share) {
        (Some(busy), Some(foreign)) => busy - foreign,
        _ => 1.0,
    };
    let most = samples.iter().map(own).fold(0.0, f64::max);
    let at_work = samples.iter().filter(|sample| own(sample) >= most / 2.0);
    at_work
        .filter_map(|sample| Some((sample.at_s, sample.frequency_hz?)))
        .collect()
}

fn median_hz(samples: &[(f64, f64)]) -> Option<f64> {
    median(&samples.iter().map(|(_, hz)| *hz).collect::<Vec<_>>())
}

/// Where a series changes: the place that parts it into two whose squared deviations from their own
/// means are the least (a single change in the mean; Hinkley, "Inference about the change-point in a
/// sequence of random variables", 1970).
fn change(samples: &[(f64, f64)]) -> Option<usize> {
    let total: f64 = samples.iter().map(|(_, hz)| hz).sum();
    let count = samples.len();
    let mut left = 0.0;
    let mut best = None;
    for (index, (_, hz)) in samples.iter().enumerate() {
        if index >= FEWEST && count - index >= FEWEST {
            let right = total - left;
            // Least deviations within are most between: the sum of the squared means with their weights.
            let between = left * left / index as f64 + right * right / (count - index) as f64;
            if best.is_none_or(|(most, _)| between > most) {
                best = Some((between, index));
            }
        }
        left += hz;
    }
    best.map(|(_, index)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Frequency;

    /// A run with a sample every 0.2 s.
    fn run(hz: impl IntoIterator<Item = f64>, base_hz: Option<f64>, events: u64) -> Telemetry {
        let sample = |(index, hz)| Sample {
            at_s: (index + 1) as f64 * 0.2,
            span_s: 0.2,
            busy_share: Some(1.0),
            foreign_share: Some(0.0),
            frequency_hz: Some(hz),
            power_w: None,
        };
        Telemetry {
            samples: hz.into_iter().enumerate().map(sample).collect(),
            frequency: Some(Frequency {
                base_hz,
                ..Frequency::default()
            }),
            throttle_events: Some(events),
            ..Telemetry::default()
        }
    }

    /// A clock around `hz` that jitters by 3 %.
    fn jitter(hz: f64, count: usize) -> impl Iterator<Item = f64> {
        (0..count).map(move |n| hz * (1.0 + 0.03 * ((n * 37 % 11) as f64 / 5.0 - 1.0)))
    }

    #[test]
    fn a_drop_is_found_where_it_is() {
        let dropped = run(jitter(4.0e9, 60).chain(jitter(3.28e9, 60)), None, 0);
        let found = slowdown(&dropped).unwrap();
        assert!((found.from_s - 12.0).abs() < 0.5, "{found:?}");
        assert!((found.slower_share - 0.18).abs() < 0.02, "{found:?}");
    }

    #[test]
    fn jitter_and_a_rise_are_no_drop() {
        assert_eq!(slowdown(&run(jitter(4.0e9, 100), Some(3e9), 0)), None);
        assert_eq!(
            slowdown(&run(jitter(3.0e9, 50).chain(jitter(4.0e9, 50)), None, 0)),
            None
        );
        assert_eq!(slowdown(&run([], None, 3)), None);
        // One slow sample at the end of a short run is none either.
        assert_eq!(
            slowdown(&run(jitter(4.0e9, 9).chain([2.0e9]), None, 0)),
            None
        );
    }

    #[test]
    fn a_small_drop_counts_where_the_processor_says_it_was_hot() {
        let clock = || jitter(4.0e9, 30).chain(jitter(3.7e9, 30));
        assert_eq!(slowdown(&run(clock(), None, 0)), None);
        assert!(slowdown(&run(clock(), None, 4)).is_some());
    }

    #[test]
    fn below_the_guaranteed_clock_it_is_slow_from_the_start() {
        let found = slowdown(&run(jitter(2.0e9, 20), Some(2.5e9), 0)).unwrap();
        assert_eq!(found.from_s, 0.0);
        assert!((found.slower_share - 0.2).abs() < 0.02, "{found:?}");
    }

    #[test]
    fn an_idle_clock_is_slow_without_harm() {
        let mut waits = run(jitter(4.0e9, 30).chain(jitter(1.0e9, 30)), None, 0);
        for sample in &mut waits.samples[30..] {
            sample.busy_share = Some(0.05);
        }
        assert_eq!(slowdown(&waits), None);
    }
}
