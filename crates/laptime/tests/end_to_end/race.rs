//! `laptime race` from end to end, on synthetic samples.
//!
//! Most tests race against a stand-in for a framework, a Python program that trains nothing. Where
//! `LAPTIME_TEST_JAX` is set, JAX races for real: the one that `LAPTIME_PEER_JAX` names, or the one
//! that `laptime peers install jax` has made for this user.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::support::{
    self, Done, Home, PYTHON, done, ended, interrupt, json, metric, schema::misfits, wait_for,
};
use serde_json::Value;

const RACE: &str = "race --engines laptime,jax --data synthetic --max-steps 4 --runs 2";

/// The race with a framework that behaves so; `None` where there is no Python to run it.
fn race_with(home: &Home, behaviour: &str, arguments: &str) -> Option<Command> {
    let python = Command::new("python3").arg("--version").output();
    if !cfg!(unix) || !python.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: the stand-in for a framework needs a python3");
        return None;
    }
    let mut command = home.command(&format!("{RACE} {arguments}"));
    command
        .env("LAPTIME_PEER_JAX", PYTHON)
        .env("LAPTIME_FAKE", behaviour)
        .env("LAPTIME_FAKE_MARK", home.path("mark"));
    Some(command)
}

fn records(home: &Home) -> Vec<Value> {
    let records = json(&home.path("r.json"));
    records.as_array().expect("an array of records").clone()
}

/// The runs that count.
fn runs(record: &Value) -> usize {
    let runs = record["runs"].as_array().expect("a list");
    runs.iter().filter(|run| run["cold"] == false).count()
}

#[test]
fn a_race_leaves_a_record_for_each_engine() {
    let home = Home::new();
    let exports = "--export-json r.json --export-csv r.csv --export-markdown r.md";
    let Some(mut command) = race_with(&home, "works", exports) else {
        return;
    };
    // They would change what is computed, and no record would say so.
    command
        .env("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
        .env("TORCHDYNAMO_DISABLE", "1")
        .env("KERAS_HOME", home.path("keras"));
    std::fs::create_dir(home.path(".keras")).expect("it can be made");
    let keras = r#"{"floatx": "float16"}"#;
    std::fs::write(home.path(".keras/keras.json"), keras).expect("it can be written");
    let Done {
        code,
        stdout,
        stderr,
    } = done(command);
    // The stand-in trains nothing, and the gate says so.
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("not the same training as the oracle's: jax"),
        "{stderr}"
    );

    let records = records(&home);
    let schema: Value = serde_json::from_str(&home.laptime("schema").stdout).expect("JSON");
    for (record, name) in records.iter().zip(["laptime", "jax"]) {
        assert_eq!(record["engine"]["name"], name);
        assert_eq!(runs(record), 2);
        assert_eq!(record["partial_reason"], "max-steps");
        assert_eq!(misfits(&schema, &schema, record, ""), [""; 0]);
    }
    assert_eq!(records.len(), 2);
    // What makes a paired test of them possible.
    assert_eq!(records[0]["race"], records[1]["race"]);
    // The cold one and two more.
    assert_eq!(records[0]["race"]["rounds"], 3);
    assert_eq!(records[1]["engine"]["version"], "fake ()");
    assert_eq!(records[0]["gate"]["verdict"], "verified");
    assert_eq!(records[1]["gate"]["verdict"], "failed");
    assert!(records[1]["runs"][0]["phases"]["start_s"].as_f64() > Some(0.0));
    assert_eq!(home.records().len(), 2);

    let place = |name: &str| stdout.lines().position(|line| line.contains(name));
    assert!(place("1  laptime").is_some(), "{stdout}");
    assert!(place("1  laptime") < place("  jax "), "{stdout}");
    assert!(stdout.contains("failed: step 1: in f64"), "{stdout}");
    assert!(
        stdout.contains("ranked by the time of a training step"),
        "{stdout}"
    );
    let csv = std::fs::read_to_string(home.path("r.csv")).expect("it was exported");
    assert_eq!(csv.lines().count(), 7, "{csv}");
    let markdown = std::fs::read_to_string(home.path("r.md")).expect("it was exported");
    assert!(markdown.contains("| laptime "), "{markdown}");
}

/// A framework that breaks is out, with its reason in its record, and the others go on.
#[test]
fn a_framework_that_breaks_is_out_and_the_others_go_on() {
    for (behaviour, reason) in [
        ("crashes", "JAX ended with code 3"),
        ("hangs", "JAX has said nothing for 2 s, and was ended"),
    ] {
        let home = Home::new();
        let Some(mut command) = race_with(&home, behaviour, "--export-json r.json") else {
            return;
        };
        command.env("LAPTIME_PEER_TIMEOUT_S", "2");
        let Done {
            code,
            stdout,
            stderr,
        } = done(command);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains("out of the race: jax"), "{stderr}");
        assert!(stdout.contains(reason), "{stdout}");
        let records = records(&home);
        assert_eq!(runs(&records[0]), 2, "laptime goes on");
        assert_eq!(runs(&records[1]), 0);
        let error = records[1]["error"].as_str().expect("a reason");
        assert!(error.starts_with(reason), "{error}");
        if behaviour == "crashes" {
            let anonymous = "the last words of a framework in ~ by $LAPTIME_PEER_JAX";
            assert!(error.contains(anonymous), "{error}");
        }
        assert_eq!(records[1]["partial_reason"], "failed");
    }
}

#[test]
fn a_framework_that_diverges_is_marked_in_its_row_and_keeps_its_times() {
    let home = Home::new();
    let exports = "--export-json r.json --export-csv r.csv --export-markdown r.md";
    let Some(command) = race_with(&home, "diverges", exports) else {
        return;
    };
    let Done {
        code,
        stdout,
        stderr,
    } = done(command);
    assert_eq!(code, Some(1), "{stderr}");
    let records = records(&home);
    assert_eq!(runs(&records[1]), 2);
    for run in records[1]["runs"].as_array().expect("a list") {
        // All that is known of the steps of a call is that one of them did it.
        let diverged = serde_json::json!({"epoch": 1, "step": 1, "last_step": 4});
        assert_eq!(run["diverged"], diverged);
        assert_eq!(*metric(&run["test"], "loss"), "NaN");
        assert!(run["total_s"].as_f64() > Some(0.0));
    }
    assert!(records[0]["runs"][0]["diverged"].is_null());
    let place = "diverged in epoch 1, between step 1 and step 4 of 1,875";
    assert_eq!(stdout.matches(place).count(), 1, "{stdout}");
    let markdown = std::fs::read_to_string(home.path("r.md")).expect("it was exported");
    assert!(
        markdown.contains("| diverged |") && markdown.contains(place),
        "{markdown}"
    );
    let csv = std::fs::read_to_string(home.path("r.csv")).expect("it was exported");
    assert_eq!(csv.matches(",NaN,0,true,1,,").count(), 3, "{csv}");
}

/// Five rounds of the others would be for nothing.
#[test]
fn a_race_does_not_begin_before_all_engines_can_start() {
    let home = Home::new();
    let done =
        home.laptime("race --engines laptime,jax,pytorch --data synthetic --max-steps 4 --runs 2");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    for name in ["jax", "pytorch"] {
        let says = format!("`laptime peers install {name}`");
        assert!(done.stderr.contains(&says), "{}", done.stderr);
    }
    assert_eq!(done.stdout, "");
    assert_eq!(home.records().len(), 0);

    let Some(command) = race_with(&home, "broken", "") else {
        return;
    };
    let done = support::done(command);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("no such library"), "{}", done.stderr);
    assert_eq!(home.records().len(), 0);
}

/// The process that asks the gate, and the framework in it, once outlived the race.
#[cfg(target_os = "linux")]
#[test]
fn a_race_that_is_ended_at_the_gate_leaves_no_process() {
    for signal in ["-TERM", "-KILL"] {
        let home = Home::new();
        let Some(mut command) = race_with(&home, "stuck", "") else {
            return;
        };
        let child = command.spawn().expect("the program starts");
        wait_for("the gate", || home.path("mark").exists());
        let mark = std::fs::read_to_string(home.path("mark")).expect("it can be read");
        let id = child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let done = ended(child.wait_with_output().expect("it ends"));
        if signal == "-TERM" {
            assert_eq!(done.code, Some(130), "{}", done.stderr);
        }
        for process in mark.split_whitespace() {
            let status = PathBuf::from("/proc").join(process).join("status");
            wait_for("the end of its processes", || {
                std::fs::read_to_string(&status).map_or(true, |text| text.contains("State:\tZ"))
            });
        }
    }
}

#[test]
fn an_interrupted_race_keeps_what_it_has() {
    let home = Home::new();
    let Some(mut command) = race_with(&home, "waits", "--export-json r.json") else {
        return;
    };
    let child = command.spawn().expect("the program starts");
    wait_for("beginning", || home.path("mark").exists());
    interrupt(&child);
    let done = ended(child.wait_with_output().expect("it ends"));
    assert_eq!(done.code, Some(130), "{}", done.stderr);
    assert!(
        done.stderr.contains("the race was interrupted"),
        "{}",
        done.stderr
    );
    let records = records(&home);
    assert_eq!(records.len(), 2);
    for record in &records {
        assert_eq!(record["partial_reason"], "interrupted");
        assert!(runs(record) < 2);
    }
    assert_eq!(home.records().len(), 2);
}

#[test]
fn jax_races_for_real_where_it_is_asked_for() {
    if std::env::var_os("LAPTIME_TEST_JAX").is_none() {
        eprintln!("skipped: LAPTIME_TEST_JAX is not set");
        return;
    }
    let stated = std::env::var_os("LAPTIME_PEER_JAX").map(PathBuf::from);
    let python = stated.unwrap_or_else(|| {
        let folder = laptime_peers::environment_dir(&laptime_peers::JAX);
        folder.expect("there is a home").join("bin/python")
    });
    let home = Home::new();
    let mut command = home.command(
        "race --engines laptime,jax --data synthetic --epochs 1 --runs 2 --export-json r.json",
    );
    command
        .env("LAPTIME_PEER_JAX", python)
        .stderr(Stdio::piped());
    let Done { code, stderr, .. } = done(command);
    assert_eq!(code, Some(0), "{stderr}");
    let records = records(&home);
    for record in &records {
        assert_eq!(record["gate"]["verdict"], "verified");
        assert_eq!(runs(record), 2);
        assert_eq!(record["partial"], false);
    }
    // The same weights and the same orders: losses that differ by rounding alone.
    let loss = |record: &Value| {
        metric(&record["runs"][0]["epochs"][0], "loss")
            .as_f64()
            .expect("a loss")
    };
    let (ours, theirs) = (loss(&records[0]), loss(&records[1]));
    assert!((ours - theirs).abs() < 1e-3 * ours, "{ours} and {theirs}");
}
