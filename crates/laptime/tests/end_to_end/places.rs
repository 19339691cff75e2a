//! Streams and files as good Unix tools treat them.

use std::fs;
#[cfg(target_os = "linux")]
use std::process::Stdio;

use crate::support::{self, Home, SHORT, done};

#[test]
fn an_export_to_standard_output_has_it_for_itself() {
    let home = Home::new();
    let done = home.laptime(&format!("{SHORT} --export-json -"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let record: serde_json::Value = serde_json::from_str(&done.stdout).expect("only JSON");
    assert_eq!(record["schema"], "laptime.record.v2");
    assert!(done.stderr.contains("Total"), "{}", done.stderr);
}

#[test]
fn quiet_leaves_only_the_result() {
    let home = Home::new();
    let done = home.laptime(&format!("{SHORT} --quiet"));
    assert_eq!(done.code, Some(0));
    assert_eq!(done.stderr, "");
    assert!(done.stdout.contains("Total"), "{}", done.stdout);
}

#[test]
fn without_a_terminal_there_are_neither_colours_nor_progress() {
    let home = Home::new();
    let done = home.laptime(SHORT);
    assert!(!done.stdout.contains('\u{1b}'), "{:?}", done.stdout);
    assert!(!done.stderr.contains(['\u{1b}', '\r']), "{:?}", done.stderr);
}

#[test]
fn forty_columns_are_enough() {
    let home = Home::new();
    let mut command = home.command(SHORT);
    command.env("COLUMNS", "40");
    for line in done(command).stdout.lines() {
        assert!(line.chars().count() <= 40, "{line}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let home = Home::new();
    for arguments in [SHORT, "explain", "schema", "--help"] {
        let mut child = home.command(arguments).spawn().expect("the program starts");
        drop(child.stdout.take());
        let status = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&status.stderr).into_owned();
        assert_eq!(status.status.code(), Some(0), "{arguments}: {stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
    assert_eq!(home.records().len(), 1, "the record is kept all the same");
}

#[test]
fn a_home_that_cannot_be_written_costs_the_record_and_not_the_result() {
    let home = Home::new();
    // A file where a folder should be stops everybody, root too.
    fs::write(home.path("data"), "").expect("it is a temporary folder");
    fs::write(home.path("cache"), "").expect("it is a temporary folder");
    let done = home.laptime(&format!("{SHORT} --export-json r.json"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("Total"), "{}", done.stdout);
    assert!(home.path("r.json").is_file());
    assert!(done.stderr.contains("cannot be stored"), "{}", done.stderr);
    assert!(done.stderr.contains("XDG_DATA_HOME"), "{}", done.stderr);
}

#[test]
fn nobodys_home_costs_the_record_and_not_the_result() {
    let home = Home::new();
    let mut command = home.command(SHORT);
    for variable in ["HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"] {
        command.env_remove(variable);
    }
    let done = done(command);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("Total"), "{}", done.stdout);
    assert!(done.stderr.contains("XDG_DATA_HOME"), "{}", done.stderr);
}

#[test]
fn two_at_once_keep_a_record_each() {
    let home = Home::new();
    let start = || home.command(SHORT).spawn().expect("the program starts");
    for child in [start(), start()] {
        let done = support::ended(child.wait_with_output().expect("it ends"));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert!(done.stdout.contains("Total"), "{}", done.stdout);
        assert!(!done.stderr.contains("warning"), "{}", done.stderr);
    }
    let ids: std::collections::BTreeSet<String> = home
        .records()
        .iter()
        .map(|path| support::json(path)["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
}

#[test]
fn who_does_not_listen_to_warnings_gets_the_result_all_the_same() {
    let home = Home::new();
    let mut child = home.command(SHORT).spawn().expect("the program starts");
    drop(child.stderr.take());
    let done = support::ended(child.wait_with_output().expect("it ends"));
    assert_eq!(done.code, Some(0));
    assert!(done.stdout.contains("Total"), "{}", done.stdout);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_each_file_behind_the_result() {
    let options = [
        "--export-json",
        "--export-csv",
        "--export-markdown",
        "--save",
    ];
    for option in options {
        let home = Home::new();
        let another = if option == "--export-csv" {
            "--export-markdown"
        } else {
            "--export-csv"
        };
        let done = home.laptime(&format!("{SHORT} {option} /dev/full {another} other"));
        assert_eq!(done.code, Some(1), "{option}: {}", done.stderr);
        assert!(done.stdout.contains("Total"), "{}", done.stdout);
        let says = format!("{option} /dev/full");
        assert!(done.stderr.contains(&says), "{}", done.stderr);
        assert!(home.path("other").is_file(), "the other export is there");
        assert_eq!(home.records().len(), 1);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_a_failure_with_a_name() {
    let home = Home::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let mut command = home.command(SHORT);
    command.stdout(Stdio::from(full.expect("Linux has it")));
    let done = done(command);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("standard output"), "{}", done.stderr);
    assert_eq!(home.records().len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_a_failure_too() {
    let home = Home::new();
    for arguments in ["--help", "run --help", "--version"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        let mut command = home.command(arguments);
        command.stdout(Stdio::from(full.expect("Linux has it")));
        let done = done(command);
        assert_eq!(done.code, Some(1), "{arguments}: {}", done.stderr);
        assert!(done.stderr.contains("standard output"), "{}", done.stderr);
    }
}

/// A file that is opened while a standard stream is closed must not become that stream.
#[cfg(unix)]
#[test]
fn closed_streams_harm_nothing() {
    let home = Home::new();
    let program = home.command(&format!(
        "{SHORT} --device cpu --export-json r.json --save m.safetensors"
    ));
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", "exec \"$0\" \"$@\" <&- >&- 2>&-"])
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(home.path(""))
        .envs(
            program
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        );
    assert_eq!(done(shell).code, Some(0));
    assert_eq!(
        support::json(&home.path("r.json"))["engine"]["name"],
        "laptime"
    );
    assert_eq!(home.records().len(), 1);
}

/// An interrupt ends a run behind the step it is in, and so does SIGTERM.
#[test]
fn an_interrupted_run_says_what_it_did_and_keeps_it() {
    if support::lacks_console() {
        return;
    }
    let interrupts: &[fn(&std::process::Child)] = &[
        support::interrupt,
        #[cfg(unix)]
        |child| support::signal(child, "TERM"),
    ];
    for interrupt in interrupts {
        let home = Home::new();
        // The gate comes first: when it is remembered, training begins at once.
        assert_eq!(home.laptime(SHORT).code, Some(0));
        let done = interrupted(&home, *interrupt);
        assert_eq!(done.code, Some(130), "{}", done.stderr);
        let says = "interrupted in run 1, epoch";
        assert!(done.stderr.contains(says), "{}", done.stderr);
        let shows = "partial: interrupted after";
        assert!(done.stdout.contains(shows), "{}", done.stdout);
        let record = support::json(&home.path("r.json"));
        assert_eq!(record["partial_reason"], "interrupted");
        assert!(record["runs"][0]["test"].is_null());
        assert_eq!(home.records().len(), 2);
    }
}

/// A run so long that only the interrupt ends it. Where the machine is so busy that it comes before the
/// training, once more with more patience.
fn interrupted(home: &Home, interrupt: fn(&std::process::Child)) -> support::Done {
    for patience_s in [1, 4, 16, 60] {
        let arguments = "run --data synthetic --epochs 100000 --export-json r.json";
        let child = home.command(arguments).spawn().expect("the program starts");
        std::thread::sleep(std::time::Duration::from_secs(patience_s));
        interrupt(&child);
        let done = support::ended(child.wait_with_output().expect("it ends"));
        if !done.stderr.contains("nothing was recorded") {
            return done;
        }
        assert_eq!(done.code, Some(130), "{}", done.stderr);
    }
    panic!("the training never began");
}
