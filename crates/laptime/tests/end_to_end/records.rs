//! `laptime records` from end to end, over a store that the test makes.

use std::fs;

use crate::sample;
use crate::support::{self, Home, SHORT};
use laptime_results::{PartialReason, Record, export};
use serde_json::Value;

fn made(day: u32, engine: &str, workload: &str) -> Record {
    let mut record = sample::record(&[2.0, 2.1]);
    record.id = format!("202611{day:02}T184200Z-{day:02}abcd");
    record.created = format!("2026-11-{day:02}T18:42:00Z");
    record.engine.name = engine.into();
    record.workload.name = workload.into();
    record
}

fn write(home: &Home, name: &str, text: &str) {
    fs::write(home.path(name), text).expect("it is a temporary folder");
}

fn store(home: &Home, record: &Record) {
    let name = format!("data/laptime/records/{}.json", record.id);
    write(home, &name, &export::json(record));
}

/// A store of four records and a file that is none.
fn home() -> Home {
    let home = Home::new();
    fs::create_dir_all(home.path("data/laptime/records")).expect("it can be made");
    store(&home, &made(1, "laptime", "fashion-mnist"));
    store(&home, &made(2, "jax", "fashion-mnist"));
    store(&home, &made(3, "laptime", "net"));
    let mut partial = made(4, "laptime", "fashion-mnist");
    partial.partial = true;
    partial.partial_reason = Some(PartialReason::MaxSteps);
    store(&home, &partial);
    write(&home, "data/laptime/records/other.json", "\"no record\"");
    home
}

#[test]
fn the_list_shows_the_newest_first_and_names_what_cannot_be_read() {
    let home = home();
    let done = home.laptime("records list");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{}", done.stdout);
    assert!(lines[0].starts_with("when (UTC)"), "{}", done.stdout);
    for (line, says) in lines[1..].iter().zip([
        ["2026-11-04 18:42", "04abcd", "partial"],
        ["2026-11-03 18:42", "net", "verified"],
        ["2026-11-02 18:42", "jax", "2.050"],
        ["2026-11-01 18:42", "01abcd", "laptime"],
    ]) {
        for words in says {
            assert!(line.contains(words), "{words}: {}", done.stdout);
        }
    }
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    assert!(
        done.stderr.contains("other.json: this is no record"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.starts_with("warning: "), "{}", done.stderr);

    for (arguments, days) in [
        ("--workload net", &[3][..]),
        ("--engine laptime", &[4, 3, 1]),
        ("--since 2026-11-03", &[4, 3]),
        ("--limit 2", &[4, 3]),
        ("--engine laptime --workload fashion-mnist --limit 1", &[4]),
    ] {
        let done = home.laptime(&format!("records list {arguments}"));
        let found = done
            .stdout
            .lines()
            .skip(1)
            .map(|line| line[8..10].parse().expect("a day"));
        assert_eq!(
            found.collect::<Vec<u32>>(),
            days,
            "{arguments}: {}",
            done.stdout
        );
    }
    let done = home.laptime("records list --since 2027-01-01");
    assert!(done.stderr.contains("no such records"), "{}", done.stderr);
    let done = home.laptime("records list --since yesterday");
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("2026-11-23"), "{}", done.stderr);
    for width in [40, 80, 200] {
        let mut command = home.command("records list");
        command.env("COLUMNS", width.to_string());
        let done = support::done(command);
        assert!(done.stdout.contains("04abcd"), "{}", done.stdout);
        assert_eq!(
            done.stdout.contains("EPYC"),
            width == 200,
            "{}",
            done.stdout
        );
        assert!(
            done.stdout
                .lines()
                .all(|line| line.chars().count() <= width)
        );
    }
}

#[test]
fn a_store_that_is_not_there_has_nothing_in_it() {
    let home = Home::new();
    let done = home.laptime("records list");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(done.stdout, "");
    let done = home.laptime("records show last");
    assert_eq!(done.code, Some(2));
    assert!(
        done.stderr.contains("no record is stored yet"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_record_is_shown_as_after_its_run() {
    let home = home();
    fs::remove_file(home.path("data/laptime/records/other.json")).expect("it is there");
    for arguments in ["show 01abcd", "show 20261101", "show last~3"] {
        let done = home.laptime(&format!("records {arguments}"));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let begin = "20261101T184200Z-01abcd · 2026-11-01T18:42:00Z · laptime 0.1.0\n";
        assert!(done.stdout.starts_with(begin), "{}", done.stdout);
        assert!(done.stdout.contains("2.050 s  verified"), "{}", done.stdout);
    }
    let done = home.laptime("records show");
    assert!(
        done.stdout.contains("04abcd"),
        "the newest: {}",
        done.stdout
    );
    let done = home.laptime("records show Apple");
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("published"), "{}", done.stderr);
}

#[test]
fn records_are_removed_all_or_none() {
    let home = home();
    for (arguments, says) in [
        ("20261101 nobody", "nothing was removed"),
        ("20261101 202611", "4 records have such an id"),
        ("../../../secret", "no stored record"),
        ("", "required"),
    ] {
        let done = home.laptime(&format!("records remove {arguments}"));
        assert_eq!(done.code, Some(2), "{}", done.stderr);
        assert!(done.stderr.contains(says), "{}", done.stderr);
        assert_eq!(home.records().len(), 5);
    }
    let done = home.laptime("records remove 20261101 01abcd other 04abcd");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(done.stdout.lines().count(), 3, "{}", done.stdout);
    let says = "01abcd.json: 2026-11-01T18:42:00Z fashion-mnist by laptime, 2 runs, verified";
    assert!(done.stdout.contains(says), "{}", done.stdout);
    assert_eq!(home.records().len(), 2);
}

#[test]
fn all_runs_are_exported_as_one_table() {
    let home = home();
    let done = home.laptime("records export --csv all.csv");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("other.json"), "{}", done.stderr);
    let csv = fs::read_to_string(home.path("all.csv")).expect("it was exported");
    assert_eq!(csv.lines().count(), 1 + 4 * 2, "{csv}");
    let done = home.laptime("records export --jsonl -");
    let rows: Vec<Value> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(rows.len(), 8);
    assert_eq!(rows[7]["id"], "20261101T184200Z-01abcd");
    assert_eq!(rows[7]["machine.cpu"], "AMD EPYC 9R14");
    assert_eq!(rows[7]["runs.total_s"], 2.1);
    for name in csv.lines().next().expect("names").split(',') {
        assert!(rows[0].get(name).is_some(), "{name}");
    }
    for (arguments, says) in [
        ("", "--csv"),
        ("--csv a.csv --jsonl b.jsonl", "cannot be used with"),
        ("--csv a.json", "ends in .csv"),
        ("--jsonl a.json", "ends in .jsonl"),
        ("--csv no/where.csv", "create it"),
        ("--csv data/laptime/records/all.csv", "keeps its own files"),
    ] {
        let done = home.laptime(&format!("records export {arguments}"));
        assert_eq!(done.code, Some(2), "{arguments}: {}", done.stderr);
        assert!(done.stderr.contains(says), "{arguments}: {}", done.stderr);
    }
}

#[test]
fn files_are_judged() {
    let home = Home::new();
    let mut told = made(1, "laptime", "fashion-mnist");
    write(&home, "right.json", &export::json(&told));
    told.summary.total_s.median = 0.2;
    write(&home, "told.json", &export::json(&told));
    let mut cut = made(1, "la\nwrong  ptime", "fashion-mnist");
    cut.runs[0].epochs.truncate(3);
    write(&home, "cut.json", &export::json(&cut));
    let done = home.laptime("records check right.json");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stdout.starts_with("right  right.json: "),
        "{}",
        done.stdout
    );
    let done = home.laptime("records check right.json told.json cut.json nowhere.json");
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{}", done.stdout);
    assert!(
        lines[1].contains("a summary that its raw times contradict"),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].contains("the record is not partial"),
        "{}",
        lines[2]
    );
    assert!(
        lines[3].contains("nowhere.json: cannot be read"),
        "{}",
        lines[3]
    );
    assert!(done.stderr.contains("3 of 4 files"), "{}", done.stderr);
}

#[test]
fn what_a_run_stores_is_right_and_can_be_compared() {
    let home = Home::new();
    for _ in 0..2 {
        let done = home.laptime(SHORT);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
    }
    for path in home.records() {
        let mut command = home.command("records check");
        command.arg(path);
        let done = support::done(command);
        assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    }
    let done = home.laptime("compare last last~1");
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    assert!(
        done.stderr.contains("--max-steps cut it short"),
        "{}",
        done.stderr
    );
    let done = home.laptime("compare last last~1 --force");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("1 run"), "{}", done.stdout);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_store_keeps_nobody_waiting() {
    let home = Home::new();
    std::fs::create_dir_all(home.path("data/laptime/records")).expect("it can be made");
    let made = home
        .shell("mkfifo data/laptime/records/20250101T000000Z-fff000.json")
        .status();
    assert!(made.expect("there is a shell").success());
    let done = home.laptime("records list");
    // What looks at all records behind a test would wait for it.
    std::fs::remove_file(home.path("data/laptime/records/20250101T000000Z-fff000.json"))
        .expect("it is there");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
}
