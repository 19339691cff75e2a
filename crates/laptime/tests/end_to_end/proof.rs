//! Replays the stored times of `examples/proof.rs`: what `docs/method.md` says of them must follow from
//! the statistics as they are now.

#[path = "proof/judged.rs"]
mod judged;

use judged::{Counts, counts, read};

/// At most 5 alarms of 100 were aimed at, and 80 slowdowns found. What the stored times give is exact, so that
/// a change in the statistics shows.
#[test]
fn interleaved_runs_tell_a_slowdown_of_three_percent_from_noise() {
    let all = read(include_str!("proof/times.csv"));
    let same = Counts {
        comparisons: 100,
        slower: 3,
        faster: 1,
        covered: 96,
    };
    let slowed = Counts {
        comparisons: 100,
        slower: 91,
        faster: 0,
        covered: 95,
    };
    assert_eq!(counts(&all, false), same);
    assert_eq!(counts(&all, true), slowed);
}
