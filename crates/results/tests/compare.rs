//! What may be said of results beside each other, and what may not.

mod sample;

use laptime_measure::Resumption;
use laptime_results::{
    DatasetSource, GateVerdict, PartialReason, RaceFacts, Record, Style,
    compare::{Basis, Compared, Comparison, Side, Verdict},
    comparison, export, published,
};
use sample::{diverged, record};

/// Ten runs around 1 s, with 1 to 2 % of noise in no order.
const NOISE: [f64; 10] = [
    1.004, 0.991, 1.012, 0.996, 1.001, 1.018, 0.987, 1.007, 0.999, 0.993,
];
/// Another ten.
const OTHER_NOISE: [f64; 10] = [
    0.997, 1.009, 0.994, 1.003, 1.015, 0.989, 1.000, 0.992, 1.011, 1.002,
];

/// A record of these times, of a day of this number.
fn made(day: u32, engine: &str, seconds: f64, noise: &[f64]) -> Record {
    let times: Vec<f64> = noise.iter().map(|factor| seconds * factor).collect();
    let mut record = record(&times);
    record.id = format!("202611{day:02}T184200Z-{engine}{day:02}");
    record.created = format!("2026-11-{day:02}T18:42:00Z");
    record.engine.name = engine.into();
    record
}

/// The same as a part of a race.
fn raced(engine: &str, seconds: f64, noise: &[f64]) -> Record {
    let race = RaceFacts {
        id: "20261123T184000Z-aaaaaa".into(),
        rounds: noise.len() as u64,
    };
    Record {
        race: Some(race),
        ..made(23, engine, seconds, noise)
    }
}

fn compared<'a>(records: &[&'a Record], history: &[Record]) -> Compared<'a> {
    let sides = records.iter().map(|it| Side::Record(it)).collect();
    Compared::of(sides, history, false).expect("they are comparable")
}

fn only(records: &[&Record], history: &[Record]) -> Comparison {
    compared(records, history).comparisons.remove(0)
}

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

/// Five earlier records of both engines on one machine, 1 % apart from day to day.
fn history() -> Vec<Record> {
    let days = [0.99, 1.01, 1.0, 1.012, 0.995];
    let of = |engine: &'static str| {
        let days = days.iter().zip(1..);
        days.map(move |(factor, day)| made(day, engine, 1.0 * factor, &NOISE))
    };
    of("a").chain(of("b")).collect()
}

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

#[test]
fn a_published_result_is_one_run() {
    let one = made(1, "laptime", 0.7, &NOISE);
    let apple = published::named("M1 Mac Mini")
        .into_iter()
        .find(|it| it.workload == "fashion-mnist")
        .expect("it is published");
    let sides = vec![Side::Record(&one), Side::Published(apple)];
    let found = Compared::of(sides, &[], false).expect("they are comparable");
    let comparison = &found.comparisons[0];
    assert_eq!(comparison.verdict, Verdict::NoInterval);
    let sentence = comparison.sentence();
    assert!(
        sentence.starts_with(
            "laptime, AMD EPYC 9R14 was measured 9.57× as fast as Apple M1 (published);"
        ),
        "{sentence}"
    );
    let notes = comparison.notes([&found.sides[0], &found.sides[1]]);
    assert_eq!(notes, ["Apple M1 (published): one run, no interval"]);
}

#[test]
fn published_results_are_found_by_their_words() {
    for (name, count) in [
        ("Apple M1", 2),
        ("apple m1", 2),
        ("M1 Mac Mini", 2),
        ("M1 cifar10-resnet50", 1),
        ("colab", 1),
        ("MacBook Pro i5", 2),
        ("M2", 0),
        ("", 0),
        (" ,;", 0),
    ] {
        let found = published::named(name);
        assert_eq!(found.len(), count, "{name:?}: {found:?}");
    }
}

#[test]
fn what_is_not_comparable_is_refused_with_all_reasons() {
    type Change = fn(&mut Record);
    let changes: &[(&str, Change)] = &[
        ("precision: fp32 and bf16", |it| {
            it.workload.precision = "bf16".into()
        }),
        ("epochs: 10 and 3", |it| it.workload.epochs = 3),
        ("batch size: 32 and 64", |it| it.workload.batch_size = 64),
        ("workload: fashion-mnist and net", |it| {
            it.workload.name = "net".into()
        }),
        ("other digests", |it| {
            it.workload.digest = "sha256:01".into()
        }),
        ("samples: official and synthetic", |it| {
            it.dataset.source = DatasetSource::Synthetic
        }),
        ("the samples differ", |it| it.dataset.sha256 = "01".into()),
        ("dataset: fashion-mnist and x", |it| {
            it.dataset.name = "x".into()
        }),
        ("b is partial: --max-steps", |it| {
            it.partial_reason = Some(PartialReason::MaxSteps);
        }),
        ("b failed the gate", |it| {
            it.gate.verdict = GateVerdict::Failed
        }),
        ("b was never checked", |it| {
            it.gate.verdict = GateVerdict::NotAsked
        }),
        ("b diverged at epoch 2", |it| {
            it.runs = diverged(&[1.0; 8]).runs
        }),
        ("b was resumed", |it| {
            it.runs[0].resumed.push(Resumption {
                step: 3,
                before: None,
            });
        }),
        ("they are the same record", |it| {
            it.id = "20261101T184200Z-a01".into()
        }),
        ("b has no finished run", |it| it.runs.clear()),
    ];
    let one = made(1, "a", 1.0, &NOISE);
    for (says, change) in changes {
        let mut other = made(2, "b", 1.2, &NOISE);
        change(&mut other);
        let sides = || vec![Side::Record(&one), Side::Record(&other)];
        let refused = Compared::of(sides(), &[], false).expect_err(says);
        let reasons = refused[0].reasons.join("; ");
        assert!(reasons.contains(says), "{says}: {reasons}");
        let forced = Compared::of(sides(), &[], true);
        match other.runs.is_empty() {
            true => assert!(!forced.expect_err("no times")[0].can_be_forced),
            false => {
                let warnings = &forced.expect("it is forced").comparisons[0].warnings;
                assert_eq!(*warnings, refused[0].reasons);
            }
        }
    }
    // Published results are of one training as well.
    let apple = published::named("Apple M1")[0];
    let mut other = made(2, "b", 1.2, &NOISE);
    other.workload.epochs = 3;
    other.dataset.source = DatasetSource::Synthetic;
    let sides = vec![Side::Record(&other), Side::Published(apple)];
    let refused = Compared::of(sides, &[], false).expect_err("another training");
    let reasons = refused[0].reasons.join("; ");
    assert!(
        reasons.contains("epochs: 3") && reasons.contains("official"),
        "{reasons}"
    );
}

#[test]
fn labels_name_what_differs() {
    let a = made(1, "a", 1.0, &NOISE);
    let table: [(Record, [&str; 2]); 5] = [
        (
            {
                let mut other = made(2, "b", 1.0, &NOISE);
                other.device.name = "Apple M4".into();
                other
            },
            ["a, AMD EPYC 9R14", "b, Apple M4"],
        ),
        (made(2, "b", 1.0, &NOISE), ["a", "b"]),
        (
            {
                let mut other = made(2, "a", 1.0, &NOISE);
                other.device.name = "Apple M4".into();
                other
            },
            ["AMD EPYC 9R14", "Apple M4"],
        ),
        (
            {
                let mut other = made(2, "a", 1.0, &NOISE);
                other.device.threads = Some(1);
                other
            },
            ["2 threads", "1 thread"],
        ),
        (
            made(2, "a", 1.0, &NOISE),
            ["2026-11-01 18:42:00", "2026-11-02 18:42:00"],
        ),
    ];
    for (other, labels) in &table {
        assert_eq!(compared(&[&a, other], &[]).labels, labels);
    }
    let sides = vec![Side::Record(&a), Side::Record(&a)];
    let twice = Compared::of(sides, &[], true).expect("it is forced");
    assert_ne!(twice.labels[0], twice.labels[1]);
}

#[test]
fn every_width_shows_times_with_their_gate_and_no_longer_lines() {
    let (one, other) = (made(20, "a", 1.0, &NOISE), made(21, "b", 1.3, &OTHER_NOISE));
    let sides = vec![
        Side::Record(&one),
        Side::Record(&other),
        Side::Published(published::named("Apple M1")[0]),
    ];
    let found = Compared::of(sides, &history(), false).expect("they are comparable");
    for width in [40, 80, 200] {
        let text = comparison(
            &found,
            Style {
                width,
                colour: false,
            },
        );
        assert_eq!(text.matches("verified").count(), 3, "{text}");
        assert_eq!(text.matches("not verified").count(), 1, "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= width.min(80), "{width}: {line}");
        }
        assert!(text.replace("\n", " ").contains("was measured"), "{text}");
    }
}

#[test]
fn exports_have_the_same_names_and_figures() {
    let (one, other) = (raced("a", 1.0, &NOISE), raced("b", 1.16, &NOISE));
    let found = compared(&[&one, &other], &[]);
    let json: serde_json::Value =
        serde_json::from_str(&export::comparison_json(&found)).expect("it is JSON");
    let row = &json[0];
    assert_eq!(row["verdict"], "faster");
    assert_eq!(row["basis"], "race");
    assert_eq!(row["a_runs"], 10);
    assert_eq!(row["a_gate"], "verified");
    let csv = export::comparison_csv(&found);
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().expect("names").split(',').collect();
    let members = row.as_object().expect("an object");
    assert_eq!(names.len(), members.len());
    assert!(
        names.iter().all(|name| members.contains_key(*name)),
        "{names:?}"
    );
    assert!(lines.next().expect("a row").contains(",faster,"), "{csv}");
    let markdown = export::comparison_markdown(&found);
    assert!(
        markdown.contains("| a | 1.000 | verified | b | 1.160 | verified |"),
        "{markdown}"
    );
    assert!(markdown.contains("a is 1.16× as fast as b"), "{markdown}");
}

#[test]
fn nothing_in_a_record_is_obeyed_or_computed() {
    let hostile = "=1+1\u{1b}[31m\n| <img>";
    let (one, mut other) = (made(1, "a", 1.0, &NOISE), made(2, "b", 1.3, &NOISE));
    other.engine.name = hostile.into();
    other.device.name = hostile.into();
    other.machine.cpu = hostile.into();
    let found = compared(&[&one, &other], &[]);
    let shown = comparison(
        &found,
        Style {
            width: 80,
            colour: false,
        },
    );
    let texts = [
        shown,
        export::comparison_csv(&found),
        export::comparison_markdown(&found),
        export::comparison_json(&found),
    ];
    for text in &texts {
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    assert!(texts[1].contains("'=1+1"), "{}", texts[1]);
    assert!(!texts[2].contains("<img>"), "{}", texts[2]);
}
