//! Records that were made apart, on occasions of their own.

use laptime_results::{
    GateVerdict, PartialReason, Record,
    compare::{Basis, Side, Verdict},
};

use crate::sides::{NOISE, OTHER_NOISE, compared, history, made, only, raced};

#[test]
fn records_taken_apart_get_the_spread_of_their_machine() {
    let (one, near) = (
        made(20, "a", 1.0, &NOISE),
        made(21, "b", 1.02, &OTHER_NOISE),
    );
    let far = made(22, "b", 1.10, &OTHER_NOISE);

    let found = only(&[&one, &far], &history());
    assert_eq!(found.verdict, Verdict::MeasuredFaster);
    let sentence = found.sentence();
    assert!(
        sentence.starts_with("a was measured 1.10× as fast as b (95 %: "),
        "{sentence}"
    );
    assert_eq!(found.corrected_p, None, "no claim of significance");
    let sides = [Side::Record(&one), Side::Record(&far)];
    let notes = found.notes([&sides[0], &sides[1]]).join("; ");
    assert!(
        notes.contains("% from one occasion to another, measured on 5 others"),
        "{notes}"
    );

    let found = only(&[&one, &near], &history());
    assert_eq!(found.verdict, Verdict::CannotBeToldApart, "{found:?}");

    // Without a history the spread is assumed, and said to be.
    let found = only(&[&one, &far], &[]);
    assert_eq!(found.verdict, Verdict::CannotBeToldApart);
    let notes = found.notes([&sides[0], &sides[1]]).join("; ");
    let says = "assumed 5 % from one occasion to another: this machine has fewer than three";
    assert!(notes.contains(says), "{notes}");
    let slow = made(22, "b", 1.5, &OTHER_NOISE);
    let found = only(&[&slow, &one], &[]);
    assert_eq!(found.verdict, Verdict::MeasuredSlower);
}

#[test]
fn an_occasion_is_one_however_many_records_are_of_it() {
    let (one, far) = (made(20, "a", 1.0, &NOISE), made(22, "b", 1.5, &NOISE));
    // Ten records within a minute of each other, and some that say nothing of the machine.
    let mut same_hour: Vec<Record> = (0..10)
        .map(|second| {
            let mut record = made(1, "a", 1.0, &NOISE);
            record.id = format!("20261101T1842{second:02}Z-x{second}");
            record.created = format!("2026-11-01T18:42:{second:02}Z");
            record
        })
        .collect();
    for day in 2..9 {
        let mut useless = made(day, "a", 3.0, &NOISE);
        match day % 3 {
            0 => useless.partial_reason = Some(PartialReason::MaxSteps),
            1 => useless.gate.verdict = GateVerdict::Failed,
            _ => useless.device.threads = Some(1),
        }
        same_hour.push(useless);
    }
    // What is compared itself does not count either.
    same_hour.push(one.clone());
    let found = only(&[&one, &far], &same_hour);
    let Basis::Apart([Some(occasions), _]) = found.basis else {
        panic!("{found:?}");
    };
    assert_eq!(occasions.known, 1);
    assert_eq!(occasions.measured_log_sd, None);
}

#[test]
fn few_runs_give_a_ratio_without_an_interval() {
    let (one, other) = (made(1, "a", 1.0, &NOISE), made(2, "b", 2.0, &NOISE[..5]));
    let found = only(&[&one, &other], &[]);
    assert_eq!(found.verdict, Verdict::NoInterval);
    let says = "a was measured 2.00× as fast as b; how sure that is cannot be said.";
    assert_eq!(
        found.sentence(),
        says.replace("2.00", &format!("{:.2}", found.ratio.unwrap().ratio))
    );
    let sides = [Side::Record(&one), Side::Record(&other)];
    let notes = found.notes([&sides[0], &sides[1]]).join("; ");
    assert_eq!(notes, "b: 5 runs, and an interval takes 6");
    // A race of few rounds has none either.
    let (one, other) = (raced("a", 1.0, &NOISE[..5]), raced("b", 2.0, &NOISE[..5]));
    let found = only(&[&other, &one], &[]);
    assert_eq!(found.ratio.and_then(|ratio| ratio.ci95), None);
    assert_eq!(found.verdict, Verdict::NoInterval);
    assert!(found.slower_by().is_some(), "the estimate alone decides");
}

#[test]
fn no_verdict_is_given_of_times_that_drift() {
    let warming: Vec<f64> = (0..10).map(|run| 1.0 + 0.02 * f64::from(run)).collect();
    let (one, hot) = (made(1, "a", 1.0, &NOISE), made(2, "b", 1.5, &warming));
    let found = only(&[&hot, &one], &[]);
    assert_eq!(found.verdict, Verdict::Drifting);
    assert_eq!(found.slower_by(), None);
    assert_eq!(found.ratio.and_then(|ratio| ratio.ci95), None);
    assert!(found.sentence().contains("drift"), "{}", found.sentence());
    // Nor an interval, beside the total or in a file.
    let both = compared(&[&hot, &one], &[]);
    let row = both.rows().remove(0);
    assert!(row.a_total_low_s.is_none() && row.b_total_low_s.is_some());
    let (one, hot) = (raced("a", 1.0, &[1.0; 10]), raced("b", 1.5, &warming));
    assert_eq!(only(&[&one, &hot], &[]).verdict, Verdict::Drifting);
}
