//! What a person and other programs get to see of a comparison.

use laptime_results::{
    Record, Style,
    compare::{Compared, Side},
    comparison, export, published,
};

use crate::sides::{NOISE, OTHER_NOISE, compared, history, made, raced};

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
