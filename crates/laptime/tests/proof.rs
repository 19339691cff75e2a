//! Replays the stored times of `examples/proof.rs`: what `docs/method.md` says of them must follow from
//! the statistics as they are now.

#[path = "proof/judged.rs"]
mod judged;

use judged::{counts, read};

#[test]
fn interleaved_runs_tell_a_slowdown_of_three_percent_from_noise() {
    let all = read(include_str!("proof/times.csv"));
    let (same, slowed) = (counts(&all, false), counts(&all, true));
    assert_eq!((same.comparisons, slowed.comparisons), (100, 100));
    assert!(same.slower + same.faster <= 5, "A/A: {same:?}");
    assert!(slowed.slower >= 80 && slowed.faster == 0, "A/B: {slowed:?}");
    assert!(slowed.covered >= 90, "A/B: {slowed:?}");
}
