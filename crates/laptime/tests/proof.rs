//! Replays the stored times of `examples/proof.rs`: what `docs/method.md` says of them must follow from
//! the statistics as they are now.

#[path = "proof/judged.rs"]
mod judged;

use judged::{counts, read};

/// Bounds that chance leaves room for: of 100 comparisons of the same, a test at 5 % calls more than 10
/// different once in a hundred times. The aim of 80 found slowdowns is missed by these times, whose number
/// of pairs a pilot underestimated.
#[test]
fn interleaved_runs_tell_a_slowdown_of_three_percent_from_noise() {
    let all = read(include_str!("proof/times.csv"));
    let (same, slowed) = (counts(&all, false), counts(&all, true));
    assert_eq!((same.comparisons, slowed.comparisons), (100, 100));
    assert!(same.slower + same.faster <= 10, "A/A: {same:?}");
    assert!(slowed.slower >= 70 && slowed.faster == 0, "A/B: {slowed:?}");
    assert!(slowed.covered >= 88, "A/B: {slowed:?}");
}
