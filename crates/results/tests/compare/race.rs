//! Records of one race, whose runs are tested in pairs.

use laptime_results::{
    Record,
    compare::{Basis, Verdict},
};

use crate::sides::{NOISE, OTHER_NOISE, compared, made, only, raced};

#[test]
fn interleaved_runs_of_one_race_are_tested_in_pairs() {
    let (one, same) = (raced("a", 1.0, &NOISE), raced("b", 1.002, &OTHER_NOISE));
    let slow = raced("c", 1.16, &NOISE);

    let faster = only(&[&one, &slow], &[]);
    assert_eq!(faster.verdict, Verdict::Faster);
    assert_eq!(
        faster.sentence(),
        "a is 1.16× as fast as c (95 %: 1.16 to 1.16)."
    );
    assert_eq!(faster.slower_by(), None);

    let slower = only(&[&slow, &one], &[]);
    assert_eq!(slower.verdict, Verdict::Slower);
    assert_eq!(
        slower.sentence(),
        faster.sentence(),
        "the faster one comes first"
    );
    let by = slower.slower_by().expect("it is slower");
    assert!((by - 0.16).abs() < 1e-9, "{by}");

    let none = only(&[&one, &same], &[]);
    assert_eq!(none.verdict, Verdict::NoDifference);
    let sentence = none.sentence();
    assert!(
        sentence.contains("no difference beyond noise (95 %: "),
        "{sentence}"
    );
    assert_eq!(none.slower_by(), None);
}

#[test]
fn pairs_are_of_the_same_round_whatever_slowed_it() {
    // The machine is up to twice as slow in some rounds; medians alone would see nothing.
    let busy: Vec<f64> = [1.0, 1.9, 1.2, 2.0, 1.1, 1.6, 1.05, 1.4].to_vec();
    let noise: Vec<f64> = busy.iter().zip(NOISE).map(|(b, n)| b * n).collect();
    let (one, slow) = (raced("a", 1.0, &busy), raced("b", 1.05, &noise));
    let found = only(&[&one, &slow], &[]);
    assert_eq!(found.verdict, Verdict::Faster, "{found:?}");
    // The same times on different occasions cannot be told apart.
    let apart = [made(1, "a", 1.0, &busy), made(2, "b", 1.05, &noise)];
    let found = only(&[&apart[0], &apart[1]], &[]);
    assert_eq!(found.verdict, Verdict::CannotBeToldApart);
}

#[test]
fn a_cold_round_is_no_pair() {
    let cold = |engine: &str, seconds: f64, noise: &[f64], first_s: f64| {
        let mut record = raced(engine, seconds, noise);
        record.runs[0].total_s = first_s;
        record.runs[0].cold = true;
        record
    };
    let one = cold("a", 1.0, &NOISE, 9.0);
    let slow = cold("b", 1.16, &NOISE, 1.0);
    let Basis::Race(paired) = only(&[&one, &slow], &[]).basis else {
        panic!("they are of one race");
    };
    assert_eq!(paired.pairs, NOISE.len() - 1);
    assert!((paired.ratio - 1.16).abs() < 1e-9, "{paired:?}");
}

#[test]
fn several_tests_are_corrected_together() {
    // Six rounds, all won: p = 2/64 alone, and three times that among three.
    let one = raced("a", 1.0, &NOISE[..6]);
    let others = ["b", "c", "d"].map(|name| raced(name, 1.1, &OTHER_NOISE[..6]));
    let alone = only(&[&one, &others[0]], &[]);
    assert_eq!(alone.verdict, Verdict::Faster);
    let all = compared(&[&one, &others[0], &others[1], &others[2]], &[]);
    for comparison in &all.comparisons {
        assert_eq!(comparison.verdict, Verdict::NoDifference);
        let p = comparison.corrected_p.expect("it was tested");
        assert!((p - 6.0 / 64.0).abs() < 1e-9, "{p}");
        let notes = comparison.notes([&all.sides[0], &all.sides[1]]).join("; ");
        assert!(
            notes.contains("after Holm's correction for 3 tests"),
            "{notes}"
        );
    }
}

#[test]
fn what_only_says_that_it_is_of_a_race_is_not() {
    let one = raced("a", 1.0, &NOISE);
    type Change = fn(&mut Record);
    let changes: [Change; 3] = [
        |it| it.race.as_mut().expect("a race").id = "x".into(),
        |it| it.machine.cpu = "another".into(),
        |it| it.race.as_mut().expect("a race").rounds = 3,
    ];
    for change in changes {
        let mut other = raced("b", 1.3, &NOISE);
        change(&mut other);
        let found = only(&[&one, &other], &[]);
        assert!(matches!(found.basis, Basis::Apart(_)), "{found:?}");
        assert_eq!(found.corrected_p, None);
    }
}
