//! Waiting until nobody else uses the machine.

use std::{
    collections::VecDeque,
    path::Path,
    process, thread,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::observer::Observer;

/// The share of the processor that others may have on a quiet machine: below it, all runs were clean
/// in the measurements behind [`judge`](super::judge), on two cores.
const QUIET_SHARE: f64 = 0.05;

/// For how long: shorter gaps are between two commands of one build.
const QUIET_S: f64 = 2.0;

const INTERVAL: Duration = Duration::from_millis(200);

/// How waiting for a quiet machine ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quiet {
    /// How long it was waited for, in seconds.
    pub waited_s: f64,
    /// Whether the machine became quiet; if not, the limit was reached, the wait was stopped, or the
    /// system does not tell what others do.
    pub became_quiet: bool,
}

/// What is told while a quiet machine is waited for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waiting {
    /// For how long, in seconds.
    pub waited_s: f64,
    /// The share of the processor that others had in the last two seconds, or since the beginning.
    pub foreign_share: f64,
}

/// Waits until other processes have had less than 5 % of the processor for 2 s, or for `limit_s`.
/// `progress` is told about it five times a second; if it returns false, the wait ends. The machine is
/// the one whose file system is at `root` ([`ROOT`](super::ROOT)).
pub fn wait_quiet(root: &Path, limit_s: f64, mut progress: impl FnMut(Waiting) -> bool) -> Quiet {
    let mut observer = Observer::begin(root, &[process::id()]);
    // NaN is no limit that is ever reached: it counts as 0.
    let limit_s = limit_s.max(0.0);
    let begin = Instant::now();
    let mut window = Window::default();
    loop {
        thread::sleep(INTERVAL);
        let waited_s = begin.elapsed().as_secs_f64();
        let became_quiet = |became_quiet| Quiet {
            waited_s,
            became_quiet,
        };
        observer.look(waited_s);
        let Some((span_s, foreign_share)) = observer.last_foreign() else {
            return became_quiet(false);
        };
        window.push(span_s, foreign_share);
        if window.is_quiet() {
            return became_quiet(true);
        }
        let waiting = Waiting {
            waited_s,
            foreign_share: window.share(),
        };
        if !progress(waiting) || waited_s >= limit_s {
            return became_quiet(false);
        }
    }
}

/// The last two seconds.
#[derive(Debug, Default)]
struct Window {
    /// How long each part was, and what share of it others had.
    parts: VecDeque<(f64, f64)>,
}

impl Window {
    fn push(&mut self, span_s: f64, foreign_share: f64) {
        self.parts.push_back((span_s, foreign_share));
        while let Some((first_s, _)) = self.parts.front()
            && self.length_s() - first_s >= QUIET_S
        {
            self.parts.pop_front();
        }
    }

    fn length_s(&self) -> f64 {
        self.parts.iter().map(|(span_s, _)| span_s).sum()
    }

    fn share(&self) -> f64 {
        let foreign_s: f64 = self
            .parts
            .iter()
            .map(|(span_s, share)| span_s * share)
            .sum();
        let length_s = self.length_s();
        if length_s > 0.0 {
            (foreign_s / length_s).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    fn is_quiet(&self) -> bool {
        self.length_s() >= QUIET_S && self.share() < QUIET_SHARE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_quiet_after_two_seconds_without_others() {
        let mut window = Window::default();
        let mut quiet_at = None;
        // Somebody works for 3 s and then hardly does.
        for n in 1..=40 {
            window.push(0.2, if n <= 15 { 0.5 } else { 0.02 });
            if quiet_at.is_none() && window.is_quiet() {
                quiet_at = Some(n);
            }
        }
        // All of the 2 s but less than one part must be without: 15 + 10, or one fewer.
        assert!(matches!(quiet_at, Some(24..=26)), "{quiet_at:?}");
    }

    #[test]
    fn short_gaps_are_not_quiet() {
        let mut window = Window::default();
        for n in 0..100 {
            window.push(0.2, if n % 6 == 0 { 0.9 } else { 0.0 });
            assert!(!window.is_quiet(), "{n}");
        }
    }

    #[test]
    fn one_long_look_is_as_good_as_ten() {
        let mut window = Window::default();
        window.push(2.5, 0.01);
        assert!(window.is_quiet());
        window.push(2.5, 0.9);
        assert!(!window.is_quiet());
    }
}
