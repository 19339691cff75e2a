//! `laptime compare` from end to end, over records that the test makes.

use std::fs;

use crate::sample;
use crate::support::{self, Done, Home, json};
use laptime_results::{GateVerdict, RaceFacts, Record, export};

const NOISE: [f64; 10] = [
    1.004, 0.991, 1.012, 0.996, 1.001, 1.018, 0.987, 1.007, 0.999, 0.993,
];

/// A record of ten runs around so many seconds, of a day in November.
fn made(day: u32, engine: &str, seconds: f64) -> Record {
    let mut record = sample::record(&NOISE.map(|factor| seconds * factor));
    record.id = format!("202611{day:02}T184200Z-{engine}{day:02}");
    record.created = format!("2026-11-{day:02}T18:42:00Z");
    record.engine.name = engine.into();
    record
}

/// Records as parts of one race.
fn raced(mut records: Vec<Record>) -> Vec<Record> {
    for (record, place) in records.iter_mut().zip(0..) {
        record.race = Some(RaceFacts {
            id: "20261123T184000Z-aaaaaa".into(),
            rounds: record.runs.len() as u64,
        });
        // Noise of its own.
        let count = record.runs.len();
        record.runs.rotate_left(place % count);
    }
    records
}

fn write(home: &Home, name: &str, text: &str) {
    fs::write(home.path(name), text).expect("it is a temporary folder");
}

fn store(home: &Home, record: &Record) {
    fs::create_dir_all(home.path("data/laptime/records")).expect("it can be made");
    let name = format!("data/laptime/records/{}.json", record.id);
    write(home, &name, &export::json(record));
}

fn assert_says(done: &Done, code: i32, says: &[&str]) {
    assert_eq!(done.code, Some(code), "{}{}", done.stdout, done.stderr);
    // Lines are broken anywhere.
    let text = format!("{} {}", done.stdout, done.stderr);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in says {
        assert!(
            text.contains(words),
            "{words}: {}{}",
            done.stdout,
            done.stderr
        );
    }
}

#[test]
fn every_verdict_has_its_words() {
    let home = Home::new();
    let race = |seconds: f64| raced(vec![made(23, "a", 2.0), made(23, "b", seconds)]);
    write(&home, "faster.json", &export::json_array(&race(2.32)));
    write(&home, "slower.json", &export::json_array(&race(1.9)));
    write(&home, "same.json", &export::json_array(&race(2.0)));
    write(&home, "one.json", &export::json(&made(1, "a", 2.0)));
    write(&home, "near.json", &export::json(&made(2, "b", 2.04)));
    write(&home, "far.json", &export::json(&made(2, "b", 3.0)));
    let mut few = made(2, "b", 3.0);
    few.runs.truncate(3);
    write(&home, "few.json", &export::json(&few));
    let mut drifting = made(2, "b", 3.0);
    drifting
        .runs
        .sort_by(|a, b| a.total_s.total_cmp(&b.total_s));
    write(&home, "drifting.json", &export::json(&drifting));
    let table: &[(&[&str], &[&str])] = &[
        (
            &["faster.json"],
            &["a is 1.16× as fast as b (95 %: 1.", "10 pairs"],
        ),
        (&["slower.json"], &["b is 1.051× as fast as a (95 %: 1."]),
        (&["same.json"], &["no difference beyond noise (95 %: 0.9"]),
        (
            &["one.json", "far.json"],
            &[
                "a was measured 1.50× as fast as b (95 %: 1.",
                "assumed 5 % from one occasion to another: this machine has fewer than three",
            ],
        ),
        (
            &["far.json", "one.json"],
            &["a was measured 1.50× as fast as b (95 %: 1."],
        ),
        (
            &["one.json", "near.json"],
            &["cannot be told apart (95 %: 0."],
        ),
        (
            &["one.json", "few.json"],
            &[
                "how sure that is cannot be said",
                "b: 3 runs, and an interval takes 6",
            ],
        ),
        (
            &["one.json", "drifting.json"],
            &["no verdict, because the times drift"],
        ),
        (
            &["one.json", "M1 Mac Mini"],
            &[
                "3.35× as fast as Apple M1 (published)",
                "one run, no interval",
            ],
        ),
        (
            &["Apple M1", "RTX 2080 Ti fashion-mnist"],
            &["1.16× as fast as RTX 2080 Ti (published)"],
        ),
    ];
    for (results, says) in table {
        let mut command = home.command("compare");
        command.args(*results);
        let done = support::done(command);
        assert_says(&done, 0, says);
        assert_eq!(done.stderr, "", "{results:?}");
    }
}

#[test]
fn the_store_gives_records_and_the_spread_of_its_machine() {
    let home = Home::new();
    let days = [2.0, 2.02, 1.99, 2.01, 1.995, 2.3];
    for (seconds, day) in days.iter().zip(1..) {
        store(&home, &made(day, "laptime", *seconds));
    }
    let done = home.laptime("compare last~1 last");
    let says = [
        "2026-11-05 18:42:00 was measured 1.15× as fast as 2026-11-06 18:42:00 (95 %: 1.",
        "from one occasion to another, measured on 4 others",
    ];
    assert_says(&done, 0, &says);
    // The same by the beginning of an id and by the end of one.
    let same = home.laptime("compare 20261105 laptime06");
    assert_eq!(same.stdout, done.stdout, "{}", same.stderr);
    let done = home.laptime("compare last~1 last~2");
    assert_says(&done, 0, &["cannot be told apart"]);
}

#[test]
fn somebodys_own_ci_gets_an_exit_code() {
    let home = Home::new();
    let race = raced(vec![
        made(23, "a", 2.1),
        made(23, "b", 2.0),
        made(23, "c", 2.0),
    ]);
    write(&home, "race.json", &export::json_array(&race));
    let same = raced(vec![made(23, "a", 2.0), made(23, "b", 2.0)]);
    write(&home, "same.json", &export::json_array(&same));
    write(&home, "one.json", &export::json(&made(1, "a", 2.1)));
    write(&home, "apart.json", &export::json(&made(2, "b", 2.0)));
    let mut few = made(2, "b", 2.0);
    few.runs.truncate(1);
    write(&home, "few.json", &export::json(&few));
    for (arguments, code, says) in [
        (
            "race.json --fail-if-slower 3%",
            1,
            "a is 4.8 % slower than b; a is 5.1 % slower than c; --fail-if-slower allows 3 %",
        ),
        ("race.json --fail-if-slower 3.5%", 1, "allows 3.5 %"),
        ("race.json --fail-if-slower 10%", 0, "1.048× as fast"),
        ("same.json --fail-if-slower 0%", 0, "no difference"),
        // 5 % by the estimate, but nobody knows.
        (
            "one.json apart.json --fail-if-slower 3%",
            0,
            "cannot be told apart",
        ),
        // The estimate is all there is.
        (
            "one.json few.json --fail-if-slower 3%",
            1,
            "% slower than b",
        ),
        (
            "apart.json one.json --fail-if-slower 3%",
            0,
            "cannot be told apart",
        ),
        ("race.json --fail-if-slower 0.03", 2, "as 3% or 2.5%"),
        ("race.json --fail-if-slower -3%", 2, "as 3% or 2.5%"),
    ] {
        let done = home.laptime(&format!("compare {arguments}"));
        assert_says(&done, code, &[says]);
    }
}

#[test]
fn what_is_not_comparable_is_refused_unless_forced() {
    let home = Home::new();
    write(&home, "one.json", &export::json(&made(1, "a", 2.0)));
    let mut other = made(2, "b", 3.0);
    other.workload.precision = "bf16".into();
    other.gate.verdict = GateVerdict::Failed;
    write(&home, "other.json", &export::json(&other));
    let done = home.laptime("compare one.json other.json");
    let says = [
        "error: a and b are not comparable: - b failed the gate: it is another training - precision: fp32 and bf16",
        "--force",
    ];
    assert_says(&done, 2, &says);
    assert_eq!(done.stdout, "");
    let done = home.laptime("compare one.json other.json --force --export-json r.json");
    let says = [
        "Not comparable: precision: fp32 and bf16.",
        "1.50× as fast as b",
    ];
    assert_says(&done, 0, &says);
    let rows = json(&home.path("r.json"));
    assert_eq!(rows[0]["warnings"][1], "precision: fp32 and bf16");
}

#[test]
fn exports_are_of_one_table_and_never_over_a_record() {
    let home = Home::new();
    write(&home, "one.json", &export::json(&made(1, "a", 2.0)));
    let mut far = made(2, "b", 3.0);
    far.engine.name = "=b".into();
    write(&home, "far.json", &export::json(&far));
    store(&home, &made(3, "c", 2.0));
    let exports = "--export-json r.json --export-csv r.csv --export-markdown r.md";
    let done = home.laptime(&format!("compare one.json far.json last {exports}"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let rows = json(&home.path("r.json"));
    assert_eq!(rows.as_array().map(Vec::len), Some(2));
    assert_eq!(rows[0]["verdict"], "measured-faster");
    assert_eq!(rows[1]["a_occasion_assumed"], true);
    let csv = fs::read_to_string(home.path("r.csv")).expect("it was exported");
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.contains("\"'=b\""), "{csv}");
    let markdown = fs::read_to_string(home.path("r.md")).expect("it was exported");
    assert!(markdown.contains("| a | 2.000 | verified |"), "{markdown}");
    let done = home.laptime("compare one.json far.json --export-csv -");
    assert!(
        done.stdout.starts_with("schema,workload,a,"),
        "{}",
        done.stdout
    );
    assert!(done.stderr.contains("was measured"), "{}", done.stderr);

    for (option, says) in [
        ("--export-json ./one.json", "a record that is compared"),
        (
            "--export-json data/laptime/records/20261103T184200Z-c03.json",
            "which it would overwrite",
        ),
        (
            "--export-json data/laptime/records/new.json",
            "keeps its own files",
        ),
    ] {
        let done = home.laptime(&format!("compare one.json last {option}"));
        assert_says(&done, 2, &[says]);
    }
    assert_eq!(json(&home.path("one.json"))["engine"]["name"], "a");
}

#[test]
fn bad_files_and_unknown_names_get_one_message_that_names_them() {
    let home = Home::new();
    let whole = export::json(&made(1, "a", 2.0));
    write(&home, "one.json", &whole);
    write(&home, "cut.json", &whole[..whole.len() / 2]);
    write(&home, "v9.json", &whole.replace("record.v2", "record.v9"));
    write(
        &home,
        "huge.json",
        &whole.replacen("\"total_s\": 2", "\"total_s\": 1e308, \"x\": 2", 1),
    );
    write(&home, "html.json", "<html>\u{1b}[31m");
    write(&home, "empty.json", "");
    fs::create_dir(home.path("folder")).expect("it can be made");
    let sparse = fs::File::create(home.path("long.json")).expect("it can be made");
    sparse.set_len(65 << 20).expect("it is sparse");
    for day in 1..3 {
        store(&home, &made(day, "a", 2.0));
    }
    for (result, says) in [
        ("cut.json", "cut.json: it is cut short"),
        ("v9.json", "laptime.record.v9"),
        ("v9.json", "laptime.record.v1, laptime.record.v2"),
        ("huge.json", "huge.json: the record"),
        ("html.json", "html.json: this is no record of laptime"),
        ("empty.json", "empty.json: it is cut short"),
        ("folder", "folder: this is a folder"),
        ("long.json", "longer than 64 MiB"),
        ("nowhere.json", "nowhere.json: no such file"),
        ("nobody", "published are: Apple M1;"),
        ("last~2", "the store has 2 records"),
        ("last~x", "last is the newest"),
        ("last~+1", "last is the newest"),
        ("202611", "2 records have such an id"),
        (
            "MacBook",
            "several published results fit: MacBook Pro i5, TensorFlow 2.4.1 fashion-mnist;",
        ),
    ] {
        let done = home.laptime(&format!("compare one.json {result}"));
        assert_says(&done, 2, &[says]);
        assert_eq!(done.stdout, "", "{result}");
        assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
        assert!(!done.stderr.contains('\u{1b}'), "{}", done.stderr);
    }
    let done = home.laptime("compare one.json");
    assert_says(&done, 2, &["nothing to be compared with"]);
}

#[test]
fn every_width_has_lines_that_fit() {
    let home = Home::new();
    let race = raced(vec![made(23, "a", 2.0), made(23, "b", 2.32)]);
    write(&home, "race.json", &export::json_array(&race));
    for width in [40, 80, 200] {
        let mut command = home.command("compare race.json");
        command.args(["Apple M1"]).env("COLUMNS", width.to_string());
        let done = support::done(command);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        for line in done.stdout.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        assert_eq!(
            done.stdout.matches("verified").count(),
            3,
            "{}",
            done.stdout
        );
    }
}
