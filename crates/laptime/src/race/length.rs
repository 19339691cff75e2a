//! How long a race goes on.

use std::time::Duration;

use crate::budget::Budget;

/// When a race is over. Fixed before it starts, so that nobody stops when the result is to their
/// liking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// After so many rounds; of two or more, behind a first, cold one that does not count.
    Rounds(u32),
    /// After ten, behind a cold one; fewer where another would take it beyond this time.
    Budget(Budget),
}

/// The rounds that a budget is spent on, beside the cold one. The paired test of ten has power enough: it
/// finds a difference of 3 % between engines whose runs spread by 1 % in 9 of 10 races.
const ROUNDS: u32 = 10;

/// The first is cold: compilers and caches have seen nothing yet.
const LEAST_ROUNDS: u32 = 2;

impl Default for Length {
    /// Half an hour: longer than most races of ten rounds, and a limit for those of large models.
    fn default() -> Self {
        Self::Budget(Budget(Duration::from_secs(30 * 60)))
    }
}

impl Length {
    /// Whether there is another round after so many, which took so long together, the longest of
    /// them `longest`.
    pub fn has_room(self, rounds: u32, elapsed: Duration, longest: Duration) -> bool {
        match self {
            Self::Rounds(_) => self.rounds() > Some(rounds),
            Self::Budget(_) if rounds < LEAST_ROUNDS => true,
            Self::Budget(Budget(time)) => rounds <= ROUNDS && elapsed + longest <= time,
        }
    }

    /// All rounds, where they are known.
    pub fn rounds(self) -> Option<u32> {
        match self {
            Self::Rounds(count) => Some(count.saturating_add(self.has_cold_round().into())),
            Self::Budget(_) => None,
        }
    }

    /// Whether the first round is a cold one, which does not count.
    pub fn has_cold_round(self) -> bool {
        self != Self::Rounds(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_has_room_for_two_rounds_and_for_those_that_fit() {
        let second = Duration::from_secs(1);
        let budget = Length::Budget(Budget(10 * second));
        assert!(budget.has_room(1, 60 * second, 60 * second));
        assert!(!budget.has_room(2, 60 * second, 60 * second));
        assert!(budget.has_room(2, 8 * second, 2 * second));
        assert!(!budget.has_room(4, 9 * second, 2 * second));
        let hour = Length::Budget(Budget(3600 * second));
        assert!(hour.has_room(10, second, second) && !hour.has_room(11, second, second));
    }

    #[test]
    fn several_rounds_have_a_cold_one_before_them() {
        let none = Duration::ZERO;
        assert!(Length::Rounds(3).has_room(3, none, none));
        assert!(!Length::Rounds(3).has_room(4, none, none));
        assert!(!Length::Rounds(1).has_room(1, none, none));
        assert_eq!(Length::Rounds(1).rounds(), Some(1));
    }
}
