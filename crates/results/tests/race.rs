//! The table of a race as people see it, against the texts in `tests/expected`; to make them anew:
//! `UPDATE_EXPECTED=1 cargo test -p laptime-results --test race`.

mod sample;

use std::{fs, path::Path};

use laptime_results::{
    GateVerdict, Measure, PartialReason, Record, Standings, Style, export::race_markdown, race,
};
use sample::{diverged, record};

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/expected")
        .join(name);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, text).expect("the checkout can be written");
    }
    let expected = fs::read_to_string(&path).expect("the expected text is committed");
    assert_eq!(
        text, expected,
        "{name}: is this better? Then UPDATE_EXPECTED=1"
    );
}

fn racer(engine: &str, version: &str, total_s: &[f64]) -> Record {
    let mut record = record(total_s);
    record.engine.name = engine.into();
    record.engine.version = version.into();
    if engine != "laptime" {
        record.device.isa = None;
        let variant = "a compiled loop over the steps".to_owned();
        record.engine.details = [("variant".into(), variant)].into();
        for run in &mut record.runs {
            run.phases.start_s = 1.83;
        }
    }
    record
}

fn refused(total_s: &[f64]) -> Record {
    let mut record = racer("pytorch", "2.11.0", total_s);
    record.gate.verdict = GateVerdict::Failed;
    record.gate.what =
        Some("after step 1 the loss differs by 5.1e-3; rounding explains 2e-6".into());
    record
}

fn failed() -> Record {
    let mut record = racer("mlx", "not installed", &[]);
    record.engine.details.clear();
    record.gate.verdict = GateVerdict::NotAsked;
    (record.partial, record.partial_reason) = (true, Some(PartialReason::Failed));
    record.error = Some("MLX is not installed; install it with `laptime peers install mlx`".into());
    record
}

fn everyone() -> Vec<Record> {
    vec![
        racer(
            "tensorflow",
            "2.21.0 (keras 3.14.0, numpy 2.4.4)",
            &[31.2, 30.9, 31.5, 30.7, 31.1, 31.4, 30.8, 31.0],
        ),
        refused(&[1.42, 1.43, 1.41, 1.45, 1.40, 1.44, 1.39, 1.46]),
        racer(
            "laptime",
            "0.1.0",
            &[1.93, 1.9, 2.0, 1.92, 1.91, 1.94, 1.89, 1.95],
        ),
        failed(),
        racer(
            "jax",
            "0.10.0 (jaxlib 0.10.0, numpy 2.4.4)",
            &[4.21, 4.3, 4.19, 4.25, 4.22, 4.23, 4.2, 4.26],
        ),
    ]
}

#[test]
fn the_table_fits_its_terminal() {
    for width in [80, 40] {
        let style = Style {
            width,
            colour: false,
        };
        let text = race(&everyone(), style);
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(width), "{text}");
        check(&format!("race-{width}.txt"), &text);
    }
    check("race.md", &race_markdown(&everyone()));
}

#[test]
fn only_the_verified_are_ranked() {
    let records = everyone();
    let standings = Standings::of(&records);
    let names = |all: &[laptime_results::Standing]| -> Vec<String> {
        all.iter().map(|s| s.record.engine.name.clone()).collect()
    };
    assert_eq!(standings.measure, Measure::Total);
    assert_eq!(names(&standings.verified), ["laptime", "jax", "tensorflow"]);
    assert_eq!(names(&standings.refused), ["pytorch"]);
    assert_eq!(standings.failed.len(), 1);
    let mut unknown = everyone();
    unknown[2].gate.verdict = GateVerdict::NotAsked;
    let standings_of_unknown = Standings::of(&unknown);
    assert_eq!(names(&standings_of_unknown.verified), ["jax", "tensorflow"]);
    let ratio = standings.refused[0].ratio.expect("one is verified");
    assert!(ratio.ratio < 1.0, "faster, but not at the same: {ratio:?}");
}

#[test]
fn a_cut_race_is_ranked_by_steps() {
    let mut quick_to_compile = racer("jax", "1", &[2.0, 2.1]);
    let mut quick_to_train = racer("laptime", "1", &[4.0, 4.1]);
    for (record, train_s) in [(&mut quick_to_compile, 1.5), (&mut quick_to_train, 0.5)] {
        for run in &mut record.runs {
            run.epochs.truncate(1);
            run.epochs[0].samples = 3200;
            run.phases.train_s = train_s;
        }
    }
    let records = [quick_to_compile, quick_to_train];
    let standings = Standings::of(&records);
    assert_eq!(standings.measure, Measure::Step);
    let first = &standings.verified[0];
    assert_eq!(first.record.engine.name, "laptime");
    assert!((first.step_s - 0.005).abs() < 1e-12, "{}", first.step_s);
    assert!(race_markdown(&records).contains("\nCut short by --max-steps, and so ranked by"));
}

/// A table in a README says no more than its terminal did.
#[test]
fn an_interrupted_race_says_so_in_markdown_too() {
    let mut records = [
        racer("laptime", "0.1.0", &[1.9, 2.0, 1.95]),
        racer("jax", "1", &[4.0, 4.1]),
    ];
    for record in &mut records {
        record.partial_reason = Some(PartialReason::Interrupted);
    }
    let markdown = race_markdown(&records);
    let says = "\nInterrupted: fewer runs than were asked for.\n";
    assert!(markdown.contains(says), "{markdown}");
    let runs = |engine: &str| {
        let row = markdown
            .lines()
            .find(|line| line.starts_with(&format!("| {engine} ")));
        let cell = row.expect("it has a row").split('|').nth(3);
        cell.expect("it has cells").trim().to_owned()
    };
    assert_eq!([runs("laptime"), runs("jax")], ["3", "2"]);
}

#[test]
fn close_times_are_not_called_a_victory() {
    let style = Style {
        width: 80,
        colour: false,
    };
    let sentence = |other: &[f64]| {
        let records = [
            racer("laptime", "1", &[1.9, 2.1, 2.0, 1.95, 2.05, 1.97]),
            racer("jax", "1", other),
        ];
        race(&records, style)
    };
    assert!(sentence(&[2.05, 2.2, 1.95, 1.9, 2.0, 2.01]).contains("cannot be told apart"));
    assert!(sentence(&[4.05, 4.2, 3.95, 4.0, 4.1, 4.0]).contains("95 % interval"));
    assert!(sentence(&[4.05, 4.2, 3.95, 4.0, 4.1]).contains("below 6 rounds"));
    let only = [refused(&[1.0])];
    assert!(race(&only, style).contains("No engine does the same training"));
}

#[test]
fn a_cold_round_is_in_no_ratio_and_several_engines_are_corrected_for() {
    let cold_first = |name: &str, factor: f64| {
        let times: Vec<f64> = (0..9)
            .map(|n| factor * (1.0 + 0.001 * f64::from(n)))
            .collect();
        let mut record = racer(name, "1", &times);
        record.runs[0].total_s = 100.0;
        record.runs[0].cold = true;
        record
    };
    let records = ["laptime", "jax", "pytorch"]
        .iter()
        .zip([1.0, 1.1, 1.2])
        .map(|(name, factor)| cold_first(name, factor))
        .collect::<Vec<_>>();
    let standings = Standings::of(&records);
    let [first, second, third] = standings.verified.as_slice() else {
        panic!("three are verified");
    };
    assert_eq!((first.runs, first.p), (8, None));
    assert!(first.total_s < 1.1);
    // Of eight pairs that all agree, 2/2⁸ is the least; twice that with two comparisons.
    for standing in [second, third] {
        assert!((standing.p.expect("eight rounds") - 4.0 / 256.0).abs() < 1e-12);
    }
    assert!((second.ratio.expect("a ratio").ratio - 1.1).abs() < 1e-9);
}

#[test]
fn nobody_is_fastest_where_nobody_finished() {
    let standings = Standings::of([]);
    assert!(standings.verified.is_empty() && standings.failed.is_empty());
    let records = [failed()];
    let style = Style {
        width: 80,
        colour: false,
    };
    assert!(race(&records, style).contains("error: MLX is not installed"));
}

#[test]
fn an_engine_that_diverged_keeps_its_times_and_is_marked() {
    let mut lost = diverged(&[1.5, 1.6]);
    lost.engine.name = "jax".into();
    let records = [lost, racer("laptime", "0.1.0", &[1.93, 1.9])];
    let style = Style {
        width: 80,
        colour: false,
    };
    let text = race(&records, style);
    let place = |words: &str| text.lines().position(|line| line.contains(words));
    let row = place("1  jax").expect("it has a row");
    let line = text.lines().nth(row).expect("it has a row");
    assert!(line.contains("1.550") && line.ends_with('–'), "{text}");
    let marked = place("diverged at epoch 2, step 313 of 1,875").expect("it is marked");
    assert!(row < marked && Some(marked) < place("2  laptime"), "{text}");
    assert!(place("Diverged: ").is_some(), "{text}");
    let markdown = race_markdown(&records);
    let words = "| diverged | verified, diverged at epoch 2, step 313 of 1,875 |";
    assert!(markdown.contains(words), "{markdown}");
    let unhurt = race(&records[1..], style);
    assert!(!unhurt.to_lowercase().contains("diverged"), "{unhurt}");
}
