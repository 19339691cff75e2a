//! Reports of real records and of those that somebody has made up to mislead.

mod common;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../../results/tests/sample/mod.rs"]
mod sample;

use common::{FILES, a_sweep, assert_sound, records, report, text};
use laptime_measure::{
    StepSeries,
    telemetry::{Frequency, Gpu, Sample, Telemetry},
};
use laptime_report::{Input, Raw};
use laptime_results::{
    GateVerdict, PartialReason, Record, Summary, Work, published, read,
    sweep::{self, Sweep},
};
use serde_json::Value;

fn derived(mut record: Record) -> Record {
    record.summary = Summary::of(&record.runs, Work::of(&record), record.analysis.as_ref());
    record
}

#[test]
fn each_real_record_has_a_report() {
    for name in FILES {
        let page = report(&records(name), &[]);
        assert_sound(&page);
        assert!(page.len() < 400_000, "{name}: {} bytes", page.len());
    }
    for names in [
        &["sweep-1-thread"][..],
        &["sweep-1-thread", "sweep-2-threads"],
    ] {
        let sweeps: Vec<Sweep> = names.iter().map(|it| a_sweep(it)).collect();
        let page = report(&[], &sweeps);
        assert_sound(&page);
        assert!(
            page.contains("per sample") || page.contains("faster"),
            "{names:?}"
        );
    }
    assert_sound(&report(&[], &[]));
}

#[test]
fn all_steps_are_a_picture_if_they_can_be_drawn() {
    let series = |median_s: &[f64], slowest_s: &[f64], steps_per_point| StepSeries {
        steps_per_point,
        median_s: median_s.to_vec(),
        slowest_s: slowest_s.to_vec(),
    };
    let page = |series: StepSeries| {
        let mut all = records("clean");
        for run in &mut all[0].runs {
            run.step_series = Some(series.clone());
        }
        let page = report(&all, &[]);
        assert_sound(&page);
        page
    };
    let whole = page(series(&[1e-4, 1.1e-4, 1e-4], &[2e-4, 0.5, 2e-4], 75));
    assert!(whole.contains("All steps of a typical run"));
    assert!(whole.contains("75 steps to a point"), "{whole}");
    assert!(whole.contains("logarithmic"));
    assert!(page(series(&[1e-4, 1.1e-4], &[1e-4, 1.1e-4], 1)).contains("Every training step"));
    for wrong in [
        series(&[1e-4, 1e-4], &[1e-4], 1),
        series(&[1e-4, -1.0], &[1e-4, 1.0], 1),
        series(&[1e-4, 1e-4], &[1e-4, f64::MAX], 0),
        series(&[], &[], 1),
        series(&[1e-4, 1e-4], &[1e-4, 1e-4], u64::MAX),
    ] {
        assert!(!page(wrong).contains("All steps of a typical run"));
    }
}

#[test]
fn a_report_has_all_that_a_record_tells() {
    let page = report(&records("clean"), &[]);
    for part in [
        "laptime on AMD EPYC (2 threads) trains and tests fashion-mnist in 2.603 s (95 % interval 2.565 to 2.626 \
         s, 8 runs).",
        "2.6× the speed of the published Apple M1 result of 2020, 6.7 s.",
        "✓ verified",
        "RTX 2080 Ti",
        "Where the time goes",
        "Loss",
        "Accuracy",
        "Step time by epoch",
        "Step time by run",
        "Use of the cores",
        "A step is bound by: no single limit",
        "Evidence: half the batch",
        "Roofline",
        "dense_grad_weight + adam",
        "Reproduce it",
        "laptime suite --export-json FILE",
        "download=\"20261126T105422Z-23fcce.json\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn records_of_all_conditions_have_a_report() {
    let with = |change: fn(&mut Record)| {
        let mut record = sample::record(&[2.1, 2.0, 2.2, 2.05, 2.15, 2.08, 2.11]);
        change(&mut record);
        derived(record)
    };
    // (what it must say, the record)
    let table: Vec<(&str, Record)> = vec![
        ("too few for an interval", sample::record(&[2.0])),
        ("95 % interval", with(|_| {})),
        (
            "diverges at epoch 2, step 313",
            sample::diverged(&[2.0, 2.1]),
        ),
        ("no time for fashion-mnist", with(|it| it.runs.clear())),
        (
            "Problem: </strong>The engine failed: no memory.",
            with(|it| {
                it.runs.clear();
                it.error = Some("no memory".into());
                it.partial = true;
                it.partial_reason = Some(PartialReason::Failed);
            }),
        ),
        (
            "the gate failed",
            with(|it| {
                it.gate.verdict = GateVerdict::Failed;
                it.gate.what = Some("loss".into());
            }),
        ),
        (
            "40.1 W",
            with(|it| {
                for (run, place) in it.runs.iter_mut().zip(0..) {
                    run.telemetry = Some(observed(place));
                }
            }),
        ),
        (
            "The power of the processor was 36.0 W on average",
            with(|it| {
                for run in &mut it.runs {
                    let mut seen = observed(0);
                    for sample in &mut seen.samples {
                        sample.power_w = Some(35.0 + sample.at_s);
                    }
                    run.telemetry = Some(seen);
                }
            }),
        ),
        (
            "Warning: </strong>The disk was slow.",
            with(|it| it.warnings.push("the disk was slow".into())),
        ),
    ];
    for (says, record) in table {
        let page = report(std::slice::from_ref(&record), &[]);
        assert_sound(&page);
        assert!(page.contains(says), "{says}: {page}");
    }
}

/// Telemetry with all that can be observed, and with values that cannot be drawn.
fn observed(place: i32) -> Telemetry {
    let sample = |at: f64| Sample {
        at_s: at,
        span_s: 0.2,
        busy_share: Some(if at > 1.0 { f64::NAN } else { 0.9 }),
        foreign_share: Some(0.1),
        frequency_hz: Some(3.1e9 + at * 1e8),
        power_w: None,
    };
    Telemetry {
        wall_s: 2.0,
        foreign_cpu_s: Some(0.0),
        run_delay_s: Some(0.0),
        mean_power_w: Some(37.1 + f64::from(place)),
        frequency: Some(Frequency::default()),
        gpus: vec![Gpu {
            name: "card0".into(),
            utilisation: Some(0.7),
            clock_hz: None,
            memory_bytes: Some(1 << 30),
            power_w: Some(101.0),
            temperature_max_c: None,
        }],
        samples: (1..=9).map(|n| sample(0.2 * f64::from(n))).collect(),
        ..Telemetry::default()
    }
}

#[test]
fn results_stand_side_by_side_with_a_sentence_for_each_pair() {
    let [first] = records("clean").try_into().expect("one record");
    let mut other = first.clone();
    other.id = "20261125T105422Z-23fcce".into();
    other.created = "2026-11-25T10:54:22Z".into();
    other.device.name = "Other".into();
    for run in &mut other.runs {
        run.total_s *= 2.0;
        run.phases.train_s *= 2.0;
    }
    let pair = [first.clone(), derived(other)];
    let page = report(&pair, &[]);
    assert_sound(&page);
    assert!(page.contains("AMD EPYC was measured 2.0"), "{page}");
    assert!(page.contains("What the comparison rests on"));
    // One that does not compare is shown all the same.
    let mut another = derived(sample::record(&[1.0; 7]));
    another.workload.digest = first.workload.digest.clone();
    another.gate.verdict = GateVerdict::Failed;
    let page = report(&[first, another], &[]);
    assert!(page.contains("do not compare: "), "{page}");
}

#[test]
fn published_results_are_compared_where_they_are_asked_for() {
    let records = records("clean");
    let page = laptime_report::report(&Input {
        records: &records,
        published: &published::named("Apple M1"),
        sweeps: &[],
        history: &[],
        raw: Raw::Linked("../record/a.json"),
        back: Some(("../workload/a.html", "a")),
    });
    assert_sound(&page);
    assert!(page.contains("href=\"../record/a.json\"") && !page.contains("base64"));
    assert!(page.contains("href=\"../workload/a.html\""));
}

/// Every string of a record, as its JSON has it, is replaced by a hostile one in turn.
#[test]
fn no_string_of_a_record_becomes_markup() {
    let hostile =
        "\"><img src=x onerror=alert(1)></title></style><script>alert(1)</script>\u{202e}&amp;<!--";
    let mut tried = 0;
    for name in ["clean", "race", "goal"] {
        let original: Value = serde_json::from_slice(&text(name)).expect("it is JSON");
        for pointer in pointers(&original, &|it| it.is_string(), true) {
            let mut changed = original.clone();
            *changed.pointer_mut(&pointer).expect("it is there") = hostile.into();
            if let Ok(found) = read(&serde_json::to_vec(&changed).expect("it is JSON")) {
                let records: Vec<Record> = found.into_iter().map(|it| it.record).collect();
                let page = report(&records, &[]);
                assert_sound(&page);
                assert!(
                    !page.contains("<img") && !page.contains("<script"),
                    "{pointer}"
                );
                assert!(
                    !page.contains('\u{202e}') && !page.contains("<!--"),
                    "{pointer}"
                );
                tried += 1;
            }
        }
    }
    let original: Value = serde_json::from_slice(&text("sweep-1-thread")).expect("it is JSON");
    for pointer in pointers(&original, &|it| it.is_string(), true) {
        let mut changed = original.clone();
        *changed.pointer_mut(&pointer).expect("it is there") = hostile.into();
        let bytes = serde_json::to_vec(&changed).expect("it is JSON");
        if let Some(Ok(sweep)) = sweep::read(&bytes) {
            let page = report(&[], &[sweep]);
            assert_sound(&page);
            assert!(
                !page.contains("<img") && !page.contains("<script"),
                "{pointer}"
            );
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
}

/// Every number of a record is replaced by extreme ones in turn: what can be read can be reported on.
#[test]
fn no_number_of_a_record_breaks_a_page() {
    let mut tried = 0;
    for name in ["clean", "goal"] {
        let mut original: Value = serde_json::from_slice(&text(name)).expect("it is JSON");
        // Of long lists, the beginning will do.
        for run in original["runs"].as_array_mut().into_iter().flatten() {
            if let Some(samples) = run["telemetry"]["samples"].as_array_mut() {
                samples.truncate(2);
            }
        }
        if let Some(runs) = original["runs"].as_array_mut() {
            runs.truncate(3);
        }
        for pointer in pointers(&original, &|it| it.is_number(), true) {
            for extreme in [
                Value::from(0),
                Value::from(1e308),
                Value::from(-1.5),
                Value::from(1e-308),
                Value::from(u64::MAX),
            ] {
                let mut changed = original.clone();
                *changed.pointer_mut(&pointer).expect("it is there") = extreme;
                if let Ok(found) = read(&serde_json::to_vec(&changed).expect("it is JSON")) {
                    let records: Vec<Record> = found.into_iter().map(|it| it.record).collect();
                    assert_sound(&report(&records, &[]));
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

/// Where in a value those are that fit; of a list of objects, those of the first and the last.
fn pointers(value: &Value, fits: &dyn Fn(&Value) -> bool, is_root: bool) -> Vec<String> {
    let mut found = Vec::new();
    if fits(value) && !is_root {
        found.push(String::new());
    }
    let mut within = |name: String, value: &Value| {
        let name = name.replace('~', "~0").replace('/', "~1");
        let inner = pointers(value, fits, false);
        found.extend(inner.into_iter().map(|rest| format!("/{name}{rest}")));
    };
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                within(name.clone(), value);
            }
        }
        Value::Array(all) => {
            for (place, value) in all.iter().enumerate() {
                if place == 0 || place + 1 == all.len() {
                    within(place.to_string(), value);
                }
            }
        }
        _ => {}
    }
    found
}
