//! How fast a training goes, as seen from outside, for the time that is left.

use std::time::{Duration, Instant};

use laptime_engine::Score;
use laptime_measure::Stage;

use crate::ticker::PERIOD;

/// Reckons samples a second from what is seen of a training.
#[derive(Debug, Default)]
pub struct Speed {
    first_look: Option<Look>,
    /// When the first steps were seen to be done: they warm up caches, and frameworks compile in
    /// them, so that they say little of the rest.
    warm: Option<Look>,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    samples: u64,
}

/// So long a first step alone must do for an estimate: a rough one beats none.
const PATIENCE: Duration = Duration::from_secs(2);

impl Speed {
    /// Samples a second of a run that is seen at this stage, its epoch having this score; nothing where it does
    /// not train, or as [`at`](Self::at).
    pub fn seen(&mut self, stage: Stage, score: Score) -> Option<f64> {
        match stage {
            Stage::Training { samples_before, .. } => {
                self.at(Instant::now(), samples_before + score.samples)
            }
            _ => None,
        }
    }

    /// Samples a second, at a time when so many samples of the run were done; nothing as long as
    /// too little was seen for it to mean anything.
    pub fn at(&mut self, now: Instant, samples: u64) -> Option<f64> {
        let look = Look { at: now, samples };
        let first = *self.first_look.get_or_insert(look);
        if samples > first.samples && self.warm.is_none() {
            self.warm = Some(look);
        }
        let since = |start: Look, least: Duration| {
            let elapsed = now - start.at;
            let samples = samples.saturating_sub(start.samples);
            (elapsed >= least && samples > 0).then(|| samples as f64 / elapsed.as_secs_f64())
        };
        let steady = self.warm.and_then(|warm| since(warm, 2 * PERIOD));
        steady.or_else(|| since(first, PATIENCE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The speeds seen at these moments (ms, samples done).
    fn seen(looks: &[(u64, u64)]) -> Vec<Option<f64>> {
        let (mut speed, start) = (Speed::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let looks = looks.iter();
        looks
            .map(|(ms, samples)| speed.at(at(*ms), *samples))
            .collect()
    }

    #[test]
    fn a_slow_first_step_does_not_spoil_the_speed() {
        let looks = [(0, 0), (1000, 32), (1100, 64), (1200, 96)];
        assert_eq!(seen(&looks), [None, None, None, Some(320.0)]);
    }

    #[test]
    fn quick_steps_have_a_speed_at_once() {
        let looks = [(0, 0), (100, 3200), (200, 6400), (300, 9600)];
        assert_eq!(seen(&looks), [None, None, None, Some(32_000.0)]);
    }

    #[test]
    fn where_steps_take_long_the_first_must_do_until_the_second() {
        let looks = [(0, 0), (4000, 32), (4100, 32), (8000, 64)];
        assert_eq!(seen(&looks), [None, Some(8.0), Some(32.0 / 4.1), Some(8.0)]);
    }

    #[test]
    fn what_was_trained_before_the_first_look_does_not_count() {
        let looks = [(0, 9000), (100, 9032), (500, 9160)];
        assert_eq!(seen(&looks), [None, None, Some(320.0)]);
    }
}
