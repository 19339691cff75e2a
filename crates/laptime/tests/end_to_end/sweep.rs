//! `laptime sweep` from end to end, and two sweeps compared.

use std::fs;

use crate::support::{Home, json};

const SWEEP: &str = "sweep --data synthetic --batch-size 16,64,256 --rounds 6 --device cpu";

#[test]
fn a_sweep_is_shown_and_exported_with_the_same_numbers() {
    let home = Home::new();
    let done = home.laptime(&format!("{SWEEP} --export-json s.json"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("A step takes"), "{}", done.stdout);
    assert_eq!(
        done.stdout.matches("verified").count(),
        3,
        "{}",
        done.stdout
    );
    let sweep = json(&home.path("s.json"));
    assert_eq!(sweep["schema"], "laptime.sweep.v1");
    let points = sweep["points"].as_array().expect("a list");
    let sizes: Vec<_> = points.iter().map(|it| it["batch_size"].as_u64()).collect();
    assert_eq!(sizes, [Some(16), Some(64), Some(256)]);
    for point in points {
        assert_eq!(point["step_s"].as_array().map(Vec::len), Some(6));
        assert_eq!(point["gate"]["verdict"], "verified");
    }
    assert!(home.records().is_empty());
    let done = home.laptime("records check s.json");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stdout.contains("a sweep of fashion-mnist"),
        "{}",
        done.stdout
    );
}

#[test]
fn two_sweeps_say_where_the_order_turns() {
    let home = Home::new();
    let done = home.laptime(&format!("{SWEEP} -q --no-telemetry --export-json a.json"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    // What takes a third of the overhead and twice as long a sample is faster with small batches.
    let mut other = json(&home.path("a.json"));
    for point in other["points"].as_array_mut().expect("a list") {
        let size = point["batch_size"].as_f64().expect("a number");
        let steps = point["step_s"].as_array_mut().expect("a list");
        for (place, step) in steps.iter_mut().enumerate() {
            *step = serde_json::json!((1e-6 + 1e-5 * size) * (1.0 + 0.001 * place as f64));
        }
    }
    let mut strong = other.clone();
    for point in strong["points"].as_array_mut().expect("a list") {
        let size = point["batch_size"].as_f64().expect("a number");
        let steps = point["step_s"].as_array_mut().expect("a list");
        for (place, step) in steps.iter_mut().enumerate() {
            *step = serde_json::json!((501e-6 + 5e-6 * size) * (1.0 + 0.001 * place as f64));
        }
    }
    for (name, sweep) in [("quick.json", &other), ("strong.json", &strong)] {
        fs::write(home.path(name), sweep.to_string()).expect("it is a temporary folder");
    }
    let done = home.laptime("compare quick.json strong.json");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let words = done.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Below batch 100 "), "{words}");
    assert!(
        words.contains("quick.json is faster, above it strong.json."),
        "{words}"
    );

    let done = home.laptime("compare a.json a.json --fail-if-slower 3%");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
}

#[test]
fn what_makes_no_sense_is_refused_before_the_work() {
    let home = Home::new();
    fs::write(home.path("wrong.json"), r#"{"schema": "laptime.sweep.v1"}"#)
        .expect("a temporary folder");
    for (arguments, words) in [
        ("sweep --batch-size 16", "--batch-size"),
        (
            "sweep --batch-size 16..70000 --data synthetic --rounds 1",
            "at most 60000",
        ),
        ("sweep --rounds 0", "--rounds"),
        ("sweep nothing", "nothing"),
        (
            "compare wrong.json wrong.json",
            "wrong.json: this sweep cannot be right",
        ),
    ] {
        let done = home.laptime(arguments);
        assert_eq!(done.code, Some(2), "{arguments}: {}", done.stderr);
        assert!(done.stderr.contains(words), "{arguments}: {}", done.stderr);
    }
}

#[test]
fn threads_and_widths_are_swept_too_and_one_thing_at_a_time() {
    let home = Home::new();
    let common = "sweep --data synthetic --rounds 3 --device cpu --no-telemetry";
    let done = home.laptime(&format!("{common} --threads 1..2 --export-json t.json"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stdout.contains("threads do not share"),
        "{}",
        done.stdout
    );
    let sweep = json(&home.path("t.json"));
    assert_eq!(sweep["axis"], "threads");
    let threads = sweep["points"].as_array().expect("a list");
    let threads: Vec<_> = threads.iter().map(|it| it["threads"].as_u64()).collect();
    assert_eq!(threads, [Some(1), Some(2)]);

    let done = home.laptime(&format!(
        "{common} --width 1x..2x --threads 1 --export-json w.json"
    ));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("GFLOP/s"), "{}", done.stdout);
    let sweep = json(&home.path("w.json"));
    assert_eq!(
        (&sweep["axis"], &sweep["device"]["threads"]),
        (&"width".into(), &1.into())
    );
    let flops = |place: usize| sweep["points"][place]["model_flops_per_step"].as_u64();
    assert!(flops(1) > flops(0));

    for (line, says) in [
        (
            format!("{common} --threads 1..2 --batch-size 16..32"),
            "varies one thing",
        ),
        (
            "sweep cifar10-resnet50 --width 1x..2x".to_owned(),
            "no dense layer to widen",
        ),
        ("compare t.json w.json".to_owned(), "different things"),
    ] {
        let done = home.laptime(&line);
        assert_eq!(done.code, Some(2), "{line}: {}", done.stdout);
        assert!(done.stderr.contains(says), "{line}: {}", done.stderr);
    }
}
