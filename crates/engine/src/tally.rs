//! A score while it grows, and where its loss ceased to be finite.

use crate::Score;

/// The score of an epoch while steps are added to it.
///
/// A sum of losses that is not finite never becomes finite again, so the first such sum shows the
/// first such step: its place is seen once, at the cost of a comparison a step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    /// The score so far.
    pub score: Score,
    /// Where its loss ceased to be finite; `None` where it is finite, or was not when the tally began.
    pub not_finite: Option<NotFinite>,
}

/// Between which samples of an epoch the sum of its losses ceased to be finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotFinite {
    /// After so many samples it was finite.
    pub after: u64,
    /// After so many it was not. One step further, where the losses of all steps are seen.
    pub by: u64,
}

impl Tally {
    /// Begins with the score that steps before had.
    pub fn from(score: Score) -> Self {
        Self {
            score,
            not_finite: None,
        }
    }

    /// Adds a step, or several that are only seen together.
    #[inline]
    pub fn add(&mut self, steps: Score) {
        self.reach(self.score + steps);
    }

    /// Goes on to the score that is known by now.
    pub fn reach(&mut self, score: Score) {
        if self.score.loss_sum().is_finite() && !score.loss_sum().is_finite() {
            self.not_finite = Some(NotFinite {
                after: self.score.samples,
                by: score.samples,
            });
        }
        self.score = score;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(loss_sum: f64) -> Score {
        Score {
            samples: 32,
            sums: [loss_sum, 1.0],
        }
    }

    #[test]
    fn the_first_loss_that_is_not_finite_is_found_whichever_it_is() {
        for first in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            // What comes after it, finite or not, changes nothing.
            for next in [1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut tally = Tally::default();
                for loss_sum in [2.0, f64::from(f32::MAX), first, next, 1.0] {
                    tally.add(step(loss_sum));
                }
                let place = NotFinite { after: 64, by: 96 };
                assert_eq!(tally.not_finite, Some(place), "{first}, {next}");
                assert!(!tally.score.loss_sum().is_finite(), "{first}, {next}");
                assert_eq!((tally.score.samples, tally.score.sums[1]), (160, 5.0));
            }
        }
    }

    #[test]
    fn a_tally_that_begins_without_a_finite_loss_finds_no_place() {
        let mut tally = Tally::from(step(f64::NAN));
        tally.add(step(f64::NAN));
        assert_eq!(tally.not_finite, None);
        let mut finite = Tally::from(step(1.0));
        finite.add(step(1.0));
        assert_eq!(finite.not_finite, None);
    }
}
