//! The block as people see it, against the texts in `tests/expected`. To make these anew from what
//! is rendered now: `UPDATE_EXPECTED=1 cargo test -p laptime-results --test render`.

mod sample;

use std::{fs, path::Path};

use laptime_measure::{Metrics, Resumption};
use laptime_results::{DatasetSource, GateVerdict, PartialReason, Record, Style, render};
use sample::{diverged, record};

fn plain(record: &Record, width: usize) -> String {
    let style = Style {
        width,
        colour: false,
    };
    render(record, style)
}

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

fn failed() -> Record {
    let mut record = record(&[1.923]);
    record.gate.verdict = GateVerdict::Failed;
    record.gate.what = Some(
        "after step 1 the gradient of fc1.weight differs by 5.1e-3 of its norm; \
         rounding explains 2e-6"
            .into(),
    );
    record
}

fn synthetic_partial() -> Record {
    let mut record = record(&[0.193]);
    record.dataset.source = DatasetSource::Synthetic;
    record.partial = true;
    record.partial_reason = Some(PartialReason::MaxSteps);
    record.runs[0].epochs.truncate(1);
    record
}

fn resumed() -> Record {
    let mut record = record(&[1.923]);
    let run = &mut record.runs[0];
    run.phases.checkpoint_s = 0.0713;
    run.resumed = vec![
        Resumption {
            step: 1875,
            before: None,
        },
        Resumption {
            step: 9100,
            before: Some("laptime 0.1.0 on another processor".into()),
        },
    ];
    record
}

fn table() -> [(&'static str, Record); 6] {
    [
        ("one-run", record(&[1.923])),
        (
            "seven-runs",
            record(&[1.93, 1.9, 2.2, 1.92, 1.91, 1.95, 1.94]),
        ),
        ("diverged", diverged(&[1.923])),
        ("failed", failed()),
        ("resumed", resumed()),
        ("synthetic-partial", synthetic_partial()),
    ]
}

#[test]
fn the_block_is_as_expected_at_80_and_40_columns() {
    for (name, record) in table() {
        for width in [80, 40] {
            check(&format!("{name}-{width}.txt"), &plain(&record, width));
        }
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for (name, record) in table() {
        for width in [30, 40, 57, 80, 200] {
            for line in plain(&record, width).lines() {
                assert!(line.chars().count() <= width, "{name} at {width}: {line}");
                assert_eq!(line, line.trim_end(), "{name} at {width}");
            }
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    for (name, record) in table() {
        let style = Style {
            width: 80,
            colour: true,
        };
        let coloured = render(&record, style);
        assert!(coloured.contains('\u{1b}'), "{name}");
        let mut stripped = String::new();
        let mut inside = false;
        for character in coloured.chars() {
            match (inside, character) {
                (false, '\u{1b}') => inside = true,
                (true, 'm') => inside = false,
                (true, _) => {}
                (false, character) => stripped.push(character),
            }
        }
        assert_eq!(stripped, plain(&record, 80), "{name}");
    }
}

#[test]
fn the_gates_word_stands_on_the_line_of_the_total() {
    let text = plain(&record(&[1.923]), 40);
    let total = text.lines().find(|line| line.contains("Total"));
    assert!(
        total.is_some_and(|line| line.contains("1.923 s  verified")),
        "{text}"
    );
}

#[test]
fn a_divergence_is_shown_as_exactly_as_it_is_known() {
    let mut record = diverged(&[1.9, 2.0, 2.1]);
    let shows = |record: &Record, words: &str| {
        let text = plain(record, 80)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(text.contains(words), "{words}\n{text}");
    };
    shows(
        &record,
        "diverged at epoch 2, step 313 of 1,875: its loss is not finite",
    );
    let place = record.runs[0].diverged.as_mut().expect("it diverged");
    place.last_step = 400;
    shows(
        &record,
        "diverged in epoch 2, between step 313 and step 400 of 1,875:",
    );
    let place = record.runs[0].diverged.as_mut().expect("it diverged");
    (place.step, place.last_step) = (1, 1875);
    shows(&record, "diverged in epoch 2:");
    // As records of earlier builds are.
    record.runs[0].diverged = None;
    shows(&record, "diverged in epoch 2:");
    for run in [1, 2] {
        record.runs[run] = sample::record(&[2.0]).runs[0].clone();
    }
    shows(&record, "diverged in epoch 2, in 1 of 3 runs:");

    let mut only_in_its_test = sample::record(&[2.0]);
    let test = only_in_its_test.runs[0]
        .test
        .as_mut()
        .expect("it was tested");
    test.metrics = Metrics::of_classifier(f64::INFINITY, 0.8812);
    shows(&only_in_its_test, "diverged in its test:");
    shows(
        &only_in_its_test,
        "88.12 % (loss inf) of 10,000 test samples",
    );
}
