//! How much a device is given at a time, and how long an answer may take: learnt from what is done.

use std::time::Duration;

use crate::context::PATIENCE;

/// What a submission should take: long against the cost of submitting, short against the wish to
/// stop.
const SUBMISSION: Duration = Duration::from_millis(10);

/// What a part of a step should take at most, where a step is split: Windows takes a device away from a program that
/// keeps it busy for 2 s.
const PART: Duration = Duration::from_millis(250);

/// Dispatches of a submission while nobody knows what they take.
const FIRST_DISPATCHES: usize = 8;

/// An answer may take so many times as long as it should, and this much more: others use the device too.
const TIMES: u32 = 100;
const GRACE: Duration = Duration::from_secs(30);

/// How many steps make a submission and a segment: learnt from those that are done, and kept from
/// one call to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    /// Steps of a submission.
    pub submission: usize,
    /// Dispatches of a submission at most, where a step has more.
    pub dispatches: usize,
    /// Steps of a segment.
    pub segment: usize,
    /// The slowest step so far.
    pub slowest: Option<Duration>,
}

impl Pace {
    /// Short at first: nobody knows yet what a step takes.
    pub(crate) const UNKNOWN: Self = Self {
        submission: 1,
        dispatches: FIRST_DISPATCHES,
        segment: 16,
        slowest: None,
    };

    /// Learns from a submission of so many steps, each of so many dispatches. Grows by at most a factor of two: the
    /// first steps of all are slow.
    pub(crate) fn learn(&mut self, steps: usize, dispatches: usize, took: Duration) {
        let fitting = steps as f64 * SUBMISSION.as_secs_f64() / took.as_secs_f64().max(1e-7);
        self.submission = (fitting as usize).clamp(1, 2 * self.submission);
        let step = took.div_f64(steps.max(1) as f64);
        self.slowest = self.slowest.max(Some(step));
        self.dispatches = match step <= PART {
            true => usize::MAX,
            false => {
                ((dispatches as f64 * PART.as_secs_f64() / step.as_secs_f64()) as usize).max(1)
            }
        };
    }

    /// How long so many steps may take before the device counts as hanging.
    pub(crate) fn patience(&self, steps: usize) -> Duration {
        let times = TIMES.saturating_mul(steps.try_into().unwrap_or(u32::MAX));
        match self.slowest {
            Some(step) => GRACE.saturating_add(step.saturating_mul(times)),
            None => PATIENCE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(steps: usize, dispatches: usize, took: Duration) -> Pace {
        let mut pace = Pace::UNKNOWN;
        pace.learn(steps, dispatches, took);
        pace
    }

    #[test]
    fn a_fast_device_is_given_whole_steps_once_its_pace_is_known() {
        assert_eq!(Pace::UNKNOWN.dispatches, FIRST_DISPATCHES);
        let fast = after(1, 275, Duration::from_millis(3));
        assert_eq!((fast.submission, fast.dispatches), (2, usize::MAX));
    }

    /// No part of a step comes near Windows' two seconds.
    #[test]
    fn a_slow_device_is_given_steps_in_parts() {
        let slow = after(1, 275, Duration::from_secs(11));
        assert_eq!((slow.submission, slow.dispatches), (1, 6));
        let slower = after(1, 275, Duration::from_secs(1000));
        assert_eq!(slower.dispatches, 1);
        // Where it was another program that took the time, it is not for ever.
        let mut again = slow;
        again.learn(1, 275, Duration::from_millis(100));
        assert_eq!(again.dispatches, usize::MAX);
    }

    #[test]
    fn a_hang_is_noticed_in_a_time_that_follows_from_the_pace() {
        assert_eq!(Pace::UNKNOWN.patience(1), PATIENCE);
        let fast = after(3, 275, Duration::from_millis(9));
        assert_eq!(fast.patience(10), GRACE + Duration::from_secs(3));
        // Emulators get the time they need.
        let emulator = after(1, 275, Duration::from_secs(20));
        assert!(emulator.patience(1) > Duration::from_secs(2000));
        assert!(emulator.patience(usize::MAX) > PATIENCE);
    }
}
