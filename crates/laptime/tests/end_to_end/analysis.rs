//! What bounds a step, from end to end: measured in a run, and judged again from a stored record.

use std::fs;

use crate::sample;
use crate::support::{Home, SHORT, done, json};
use laptime_results::{Analysis, KernelKind, PeakFacts, export};

#[test]
fn a_run_says_what_its_step_is_bound_by() {
    let home = Home::new();
    let mut command = home.command(&format!("{SHORT} --export-json r.json"));
    command.env_remove("LAPTIME_NO_ANALYSIS");
    let done = done(command);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("Bound by"), "{}", done.stdout);
    let record = json(&home.path("r.json"));
    let analysis = &record["analysis"];
    assert!(
        analysis["peaks"]["flops"].as_f64() > Some(1e8),
        "{analysis}"
    );
    let kernels = analysis["kernels"].as_array().expect("a list");
    let products = kernels.iter().map(|kind| kind["flops"].as_u64());
    let executed: Option<u64> = products.sum();
    // Products and all else.
    assert!(executed >= record["workload"]["executed_flops_per_step"].as_u64());
    let found = &record["summary"]["bottleneck"];
    let shares = ["compute", "memory", "overhead", "input"].map(|name| found[name].as_f64());
    let sum: Option<f64> = shares.into_iter().sum();
    assert!(sum.is_some_and(|sum| (sum - 1.0).abs() < 1e-6), "{found}");
    assert!(record["summary"]["model_flops_utilization"].as_f64() > Some(0.0));
    // The peaks are remembered.
    assert_eq!(
        fs::read_dir(home.path("cache/laptime/peaks"))
            .map(Iterator::count)
            .ok(),
        Some(1)
    );
}

#[test]
fn a_run_that_is_not_analysed_says_nothing_of_it() {
    let home = Home::new();
    let mut command = home.command(&format!("{SHORT} --no-analysis --export-json r.json"));
    command.env_remove("LAPTIME_NO_ANALYSIS");
    let done = done(command);
    assert!(!done.stdout.contains("Bound by"), "{}", done.stdout);
    assert!(json(&home.path("r.json"))["analysis"].is_null());
}

/// A step of 1 s: so much of it arithmetic, so much memory traffic; with half the batch, with half the
/// threads.
fn analysis(compute_s: f64, memory_s: f64, half_batch_s: f64, half_threads_s: f64) -> Analysis {
    Analysis {
        analysis_s: 1.0,
        peaks: PeakFacts {
            flops: 1e12,
            bandwidths: Vec::new(),
        },
        kernels: vec![KernelKind {
            kernel: "dense".into(),
            calls: 2,
            step_s: 1.0,
            flops: 1_000_000,
            bytes: 1_000_000,
            compute_s,
            memory_s,
        }],
        waiting_s: 0.0,
        step_s: vec![1.0; 5],
        half_batch_step_s: vec![half_batch_s; 5],
        half_threads_step_s: vec![half_threads_s; 5],
    }
}

#[test]
fn each_verdict_is_derived_from_what_was_measured_and_says_what_would_change_it() {
    let table = [
        (
            analysis(0.8, 0.1, 0.5, 1.9),
            0.0,
            "compute 80 %",
            "More or faster cores",
        ),
        (
            analysis(0.1, 0.7, 0.6, 1.2),
            0.0,
            "memory 70 %",
            "Faster memory",
        ),
        (
            analysis(0.1, 0.1, 0.9, 1.1),
            0.0,
            "overhead 80 %",
            "Says little about larger models",
        ),
        (
            analysis(0.8, 0.1, 0.5, 1.9),
            9.0,
            "input 82 %",
            "Making samples ready",
        ),
        (
            analysis(0.5, 0.3, 0.7, 1.5),
            0.0,
            "no single limit",
            "No single change",
        ),
        (
            analysis(0.1, 0.1, 0.5, 1.9),
            0.0,
            "kernels below the peaks",
            "better kernels",
        ),
        (
            analysis(0.8, 0.1, 0.5, 1.0),
            0.0,
            "no verdict",
            "a quiet machine would tell",
        ),
    ];
    for (analysis, prepare_s, verdict, meaning) in table {
        let home = Home::new();
        let mut record = sample::record(&[2.0]);
        let run = &mut record.runs[0];
        let train_s = run.phases.train_s;
        run.phases.prepare_s = prepare_s;
        run.phases.train_s = if prepare_s > 0.0 { 2.0 } else { train_s };
        run.total_s = run.phases.sum_s();
        run.wall_s = run.total_s + 1.0;
        record.analysis = Some(analysis);
        fs::write(home.path("r.json"), export::json(&record)).expect("a temporary folder");
        let done = home.laptime("records show r.json");
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let words: Vec<&str> = done.stdout.split_whitespace().collect();
        let words = words.join(" ");
        for says in [verdict, meaning] {
            assert!(words.contains(says), "{says}: {}", done.stdout);
        }
    }
}

#[test]
fn an_analysis_that_cannot_be_is_refused() {
    let home = Home::new();
    let mut record = sample::record(&[2.0]);
    let mut bad = analysis(0.8, 0.1, 0.5, 1.9);
    bad.peaks.flops = -1.0;
    record.analysis = Some(bad);
    fs::write(home.path("r.json"), export::json(&record)).expect("a temporary folder");
    let done = home.laptime("records show r.json");
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    assert!(
        done.stderr.contains("r.json") && done.stderr.contains("analysis"),
        "{}",
        done.stderr
    );
}
