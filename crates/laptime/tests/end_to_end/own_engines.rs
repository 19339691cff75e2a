//! `--engine ./program` and `laptime engine check`: an engine that somebody else has written.
#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::support::{Home, json};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/engines/python");
const TINY: &str = "tiny.toml --data synthetic --device cpu";

/// A home with the example, in which this text stands for that one.
fn home_with(right: &str, wrong: &str) -> Home {
    let home = Home::new();
    let read = |name: &str| fs::read_to_string(Path::new(EXAMPLE).join(name)).expect("it is there");
    let text = read("engine.py");
    assert!(text.contains(right), "{right} is gone");
    let engine = home.path("engine.py");
    fs::write(&engine, text.replace(right, wrong)).unwrap();
    fs::set_permissions(&engine, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(home.path("tiny.toml"), read("tiny.toml")).unwrap();
    home
}

#[test]
fn the_example_follows_the_protocol_and_is_verified() {
    let home = home_with("", "");
    let done = home.laptime("engine check ./engine.py tiny.toml");
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    assert!(!done.stdout.contains("failed"), "{}", done.stdout);
    let done = home.laptime(&format!(
        "run {TINY} --engine ./engine.py --max-steps 5 --no-test --quiet --export-json r.json"
    ));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let record = json(&home.path("r.json"));
    assert_eq!(record["engine"]["name"], "engine.py");
    let version = record["engine"]["version"].as_str().expect("a text");
    assert!(version.starts_with("plain Python 3."), "{version}");
    assert!(
        record["gate"]["verdict"]
            .as_str()
            .unwrap()
            .starts_with("verified"),
        "{}",
        record["gate"]
    );
    // From given weights too.
    let done = home.laptime(&format!(
        "run {TINY} --max-steps 9 --no-test --quiet --save m.safetensors"
    ));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let done = home.laptime("verify tiny.toml --engine ./engine.py --init m.safetensors");
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
}

#[test]
fn a_broken_rule_is_told_with_what_was_sent_and_expected() {
    for (right, wrong, rule) in [
        (
            "self.tell(\"epoch\", samples=samples,",
            "self.tell(\"epoch\", samples=samples + 1,",
            "train",
        ),
        (
            "self.net.values, _, metadata = read_tensors(state)",
            "_, _, metadata = read_tensors(state)",
            "set_state",
        ),
        (
            "self.tell(\"trace\", losses=losses)",
            "self.tell(\"trace\", losses=losses[1:])",
            "trace_f64",
        ),
        (
            "is_set():\n                break",
            "is_set():\n                pass",
            "stop in a training",
        ),
        (
            "self.values[name + \".velocity\"] = array(",
            "self.values[name + \".v\"] = array(",
            "state of a new session",
        ),
    ] {
        let home = home_with(right, wrong);
        let done = home.laptime("engine check ./engine.py tiny.toml");
        assert_eq!(done.code, Some(1), "{}{}", done.stdout, done.stderr);
        let failed = format!("failed  {rule}\n        sent");
        assert!(done.stdout.contains(&failed), "{failed}\n{}", done.stdout);
        assert!(done.stdout.contains("expected"), "{}", done.stdout);
    }
}

#[test]
fn another_training_fails_the_gate() {
    let home = home_with("w - self.rate * u", "w - 1.01 * self.rate * u");
    let done = home.laptime("verify tiny.toml --engine ./engine.py");
    assert_eq!(done.code, Some(1), "{}{}", done.stdout, done.stderr);
    let home = home_with(
        "\"init.safetensors\"))",
        "\"init.safetensors\"))\n        self.values[\"fc.bias\"][0] = 1.0",
    );
    let done = home.laptime("verify tiny.toml --engine ./engine.py");
    assert_eq!(done.code, Some(1), "{}{}", done.stdout, done.stderr);
    assert!(
        done.stdout.contains("the initial fc.bias"),
        "{}",
        done.stdout
    );
}

#[test]
fn what_is_no_engine_is_refused_before_the_work() {
    let home = home_with("protocol=1,", "protocol=2,");
    let says = |arguments: &str, expected: &str| {
        let done = home.laptime(arguments);
        assert_eq!(done.code, Some(2), "{arguments}: {}", done.stderr);
        let squeezed: Vec<&str> = done.stderr.split_whitespace().collect();
        assert!(squeezed.join(" ").contains(expected), "{}", done.stderr);
    };
    says(
        &format!("run {TINY} --engine ./engine.py"),
        "speaks version 2 of the engine protocol, and this laptime version 1",
    );
    says(
        "run --engine engine.py",
        "the program of this name here is ./engine.py",
    );
    says(
        "engine check engine.py",
        "programs are not looked for in PATH",
    );
    says("run --engine ./tiny.toml", "not executable");
    says("run --engine ./missing", "No such file");
    says(
        "race --engines laptime,./engine.py,./engine.py",
        "named twice",
    );
}
