//! Records that are read again: from other versions, cut short, from elsewhere, hostile.

mod sample;

use laptime_results::{Record, Unreadable, export, read};
use sample::record;
use serde_json::{Value, json};

fn text(record: &Record) -> String {
    export::json(record)
}

#[test]
fn a_record_and_a_races_records_are_read_as_they_were_written() {
    let one = record(&[1.9, 2.0, 2.1]);
    let found = read(text(&one).as_bytes()).expect("it is a record");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].record, one);
    assert!(!found[0].summary_differs);
    let both = export::json_array(&[one.clone(), record(&[3.0])]);
    assert_eq!(read(both.as_bytes()).expect("two records").len(), 2);
}

#[test]
fn what_a_summary_says_is_derived_anew() {
    let honest = record(&[1.9, 2.0, 2.1]);
    let mut told = honest.clone();
    told.summary.total_s.median = 0.1;
    told.summary.achieved_flops *= 20.0;
    let found = read(text(&told).as_bytes()).expect("it is a record");
    assert_eq!(found[0].record, honest);
    assert!(found[0].summary_differs);
}

#[test]
fn a_version_that_is_not_known_is_named_with_those_that_are() {
    let mut value: Value = serde_json::from_str(&text(&record(&[2.0]))).expect("it is JSON");
    value["schema"] = "laptime.record.v9".into();
    value["runs"] = "in another form".into();
    for value in [value.clone(), json!([value])] {
        let error = read(value.to_string().as_bytes()).expect_err("another version");
        assert!(matches!(error, Unreadable::Schema { .. }), "{error}");
        let says = error.to_string();
        assert!(
            says.contains("v9") && says.contains("laptime.record.v1"),
            "{says}"
        );
    }
}

#[test]
fn what_is_no_record_is_refused() {
    let whole = text(&record(&[2.0]));
    for cut in [1, 20, whole.len() / 2, whole.len() - 3] {
        let error = read(&whole.as_bytes()[..cut]).expect_err("cut short");
        assert!(matches!(error, Unreadable::Truncated(_)), "{cut}: {error}");
    }
    let deep = "[".repeat(100_000);
    for foreign in [
        "",
        "[]",
        "{}",
        "null",
        "3",
        "[[]]",
        "<html>",
        "\u{0}",
        "{\"schema\":3}",
        &deep,
    ] {
        assert!(read(foreign.as_bytes()).is_err(), "{foreign:.20}");
    }
    assert!(read(&[0xff, 0xfe, b'{', 0]).is_err(), "not UTF-8");
}

#[test]
fn what_cannot_be_right_is_named() {
    let run = |name: &str, value: Value| (format!("/runs/0/{name}"), value);
    let at = |path: &str, value: Value| (path.to_owned(), value);
    let changes = [
        (run("total_s", json!(0.0)), "total_s is 0.0"),
        (run("total_s", json!(-1.0)), "total_s is -1.0"),
        (run("total_s", json!(1e308)), "total_s is 1e308"),
        (run("total_s", json!(1e-300)), "total_s is 1e-300"),
        (run("total_s", json!(0.5)), "its phases add up to"),
        (run("phases/train_s", json!(-1.0)), "train_s is -1.0"),
        (run("phases/load_s", json!(1e300)), "load_s is 1e300"),
        (run("wall_s", json!(-0.1)), "wall_s is -0.1"),
        (run("step_s/p99", json!(-1.0)), "step_s is -1.0"),
        (run("epochs/3/train_s", json!(-1.0)), "an epoch's train_s"),
        (
            run("epochs/3/samples", json!(u64::MAX)),
            "beyond all counting",
        ),
        (run("epochs/3/samples", json!(7)), "not partial"),
        (run("test", Value::Null), "not partial"),
        (at("/workload/batch_size", json!(0)), "batch_size is 0"),
        (
            at("/workload/epochs", json!(u64::MAX)),
            "epochs × train_samples",
        ),
        (
            at("/workload/model_flops_per_step", json!(u64::MAX)),
            "beyond all counting",
        ),
        (at("/created", json!("yesterday")), "created"),
        (at("/id", json!("../../etc/passwd")), "its id"),
        (at("/id", json!("")), "its id"),
        (at("/partial", json!(true)), "partial_reason"),
        (at("/gate/gate_s", json!(-1.0)), "gate_s"),
    ];
    for ((path, value), says) in changes {
        let mut whole: Value = serde_json::from_str(&text(&record(&[2.0]))).expect("JSON");
        *whole.pointer_mut(&path).expect("it is there") = value;
        let error = read(whole.to_string().as_bytes()).expect_err(&path);
        assert!(error.to_string().contains(says), "{path}: {error}");
    }
    // JSON has no NaN, and what is too large for a double is no number.
    for number in ["NaN", "1e999", "-Infinity"] {
        let whole =
            text(&record(&[2.0])).replace("\"total_s\": 2.0,", &format!("\"total_s\": {number},"));
        assert!(read(whole.as_bytes()).is_err(), "{number}");
    }
}

#[test]
fn records_of_earlier_builds_are_read() {
    let mut whole: Value = serde_json::from_str(&text(&record(&[2.0]))).expect("JSON");
    let members = whole.as_object_mut().expect("an object");
    for newer in ["race", "device_trial", "thread_trial", "error"] {
        members.remove(newer);
    }
    members.insert("of_a_newer_one".into(), json!({"x": [1, 2]}));
    let found = read(whole.to_string().as_bytes()).expect("it is a record");
    assert_eq!(found[0].record, record(&[2.0]));
}

#[test]
fn the_table_of_runs_has_the_names_and_values_of_the_json() {
    let mut failed = record(&[]);
    failed.partial = true;
    let records = [record(&[1.0, 2.0]), sample::diverged(&[3.0]), failed];
    let lines = export::runs_json_lines(&records);
    let rows: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(
        rows.len(),
        4,
        "a row a run, and one for a record without any"
    );
    let first = &rows[0];
    assert_eq!(first["machine.os"], "Linux (Debian 13)");
    assert_eq!(first["machine.cores"], 2);
    assert_eq!(first["device.isa"], "avx512");
    assert_eq!(first["laptime.commit"], Value::Null);
    assert_eq!(first["workload.parameters"], 101_770);
    assert_eq!(first["gate.verdict"], "verified");
    assert_eq!(first["gate.steps"], Value::Null);
    assert_eq!(first["run"], 1);
    assert_eq!(first["runs.total_s"], 1.0);
    assert_eq!(rows[1]["run"], 2);
    assert!(first["runs.achieved_flops"].as_f64() > Some(1e9));
    assert_eq!(
        first["runs.epochs.metrics.loss"].as_array().map(Vec::len),
        Some(10)
    );
    assert_eq!(rows[2]["runs.epochs.metrics.loss"][2], "NaN");
    assert_eq!(rows[2]["runs.diverged.step"], 313);
    assert_eq!(rows[3]["runs.total_s"], Value::Null);
    let csv = export::runs_csv(&records);
    let names: Vec<&str> = csv.lines().next().expect("names").split(',').collect();
    assert_eq!(names.len(), first.as_object().expect("an object").len());
    assert!(
        names.iter().all(|name| first.get(name).is_some()),
        "{names:?}"
    );
    assert_eq!(csv.lines().count(), 5);
}
