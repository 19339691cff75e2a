//! `laptime run` from end to end, on synthetic samples.

use std::fs;

use crate::support::{self, Home, SHORT, json, schema::misfits};

#[test]
fn a_run_is_shown_stored_and_exported_with_the_same_numbers() {
    let home = Home::new();
    let done = home.laptime(&format!(
        "{SHORT} --export-json r.json --export-csv r.csv --export-markdown r.md"
    ));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stdout.starts_with("fashion-mnist · fp32"),
        "{}",
        done.stdout
    );
    assert!(done.stderr.contains("stored as"), "{}", done.stderr);

    let record = json(&home.path("r.json"));
    let stored = home.records();
    assert_eq!(stored.len(), 1);
    assert_eq!(json(&stored[0]), record);

    let total_s = record["summary"]["total_s"]["median"]
        .as_f64()
        .expect("a time");
    let word = record["gate"]["verdict"].as_str().expect("a word");
    let shown = format!("Total     {total_s:.3} s  {word}");
    assert!(done.stdout.contains(&shown), "{shown}\n{}", done.stdout);
    let markdown = fs::read_to_string(home.path("r.md")).expect("it was exported");
    assert!(
        markdown.contains(&format!("| {total_s:.3} | {word}")),
        "{markdown}"
    );
    let csv = fs::read_to_string(home.path("r.csv")).expect("it was exported");
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(csv.contains(&format!(",{total_s},")), "{csv}");
}

#[test]
fn a_record_fits_the_schema_and_its_phases_add_up() {
    let home = Home::new();
    let schema = home.laptime("schema").stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("it is JSON");
    let done =
        home.laptime("run --data synthetic --epochs 1 --runs 2 --seed 7 --export-json r.json");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let record = json(&home.path("r.json"));
    assert_eq!(misfits(&schema, &schema, &record, ""), [""; 0]);

    assert_eq!(record["partial"], false);
    assert_eq!(record["gate"]["verdict"], "verified");
    assert_eq!(record["dataset"]["source"], "synthetic");
    let overrides = serde_json::json!(["epochs = 1", "seed = 7"]);
    assert_eq!(record["workload"]["overrides"], overrides);
    assert_eq!(record["workload"]["parameters"], 101_770);
    let runs = record["runs"].as_array().expect("a list");
    // The first is cold, and not among the two.
    let cold: Vec<_> = runs.iter().map(|run| run["cold"] == true).collect();
    assert_eq!(cold, [true, false, false]);
    let total = |place: usize| runs[place]["total_s"].as_f64().expect("a time");
    let median = record["summary"]["total_s"]["median"].as_f64();
    assert_eq!(median, Some((total(1) + total(2)) / 2.0));
    for run in runs {
        assert!(run["telemetry"]["wall_s"].as_f64() > Some(0.0), "{run}");
        let seconds = |name: &str| run["phases"][name].as_f64().expect("a time");
        let names = ["prepare_s", "compile_s", "train_s", "test_s", "other_s"];
        let sum_s: f64 = names.iter().map(|name| seconds(name)).sum();
        let total_s = run["total_s"].as_f64().expect("a time");
        assert!((sum_s / total_s - 1.0).abs() < 0.01, "{run}");
        assert!(run["wall_s"].as_f64().expect("a time") >= total_s, "{run}");
    }
    assert_eq!(
        runs[0]["epochs"][0]["metrics"],
        runs[1]["epochs"][0]["metrics"]
    );
    assert_eq!(runs[0]["test"], runs[1]["test"]);
    assert!(done.stdout.contains("first, cold run"), "{}", done.stdout);
    // That the data are synthetic, and nothing else.
    let warnings = record["warnings"].as_array().expect("a list");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].to_string().contains("SYNTHETIC"),
        "{warnings:?}"
    );
}

#[test]
fn a_record_tells_nothing_of_the_user() {
    let home = Home::new();
    let done = home.laptime(&format!("{SHORT} --export-json r.json"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let text = fs::read_to_string(home.path("r.json")).expect("it was exported");
    let folder = home.path("").display().to_string();
    assert!(!text.contains(folder.trim_end_matches('/')), "{text}");
}

#[test]
fn a_part_of_a_run_on_synthetic_samples_says_so_and_is_compared_with_nothing() {
    let home = Home::new();
    let done = home.laptime(&format!("{SHORT} --export-json r.json"));
    assert!(done.stdout.contains("SYNTHETIC DATA"), "{}", done.stdout);
    assert!(
        done.stdout.contains("partial: cut short by --max-steps"),
        "{}",
        done.stdout
    );
    assert!(!done.stdout.contains("Published"), "{}", done.stdout);
    let record = json(&home.path("r.json"));
    assert_eq!(record["partial"], true);
    assert_eq!(record["partial_reason"], "max-steps");
    assert_eq!(record["runs"][0]["epochs"][0]["samples"], 4 * 32);
}

#[test]
fn a_workload_of_ones_own_is_never_taken_for_the_built_in_one() {
    let home = Home::new();
    let builtin = laptime_workload::BUILTINS[0].text;
    let smaller = builtin.replace("units = 128", "units = 16");
    fs::write(home.path("mine.toml"), smaller).expect("it is a temporary folder");
    let done = home.laptime("run mine.toml --data synthetic --max-steps 4 --export-json r.json");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let record = json(&home.path("r.json"));
    assert_eq!(record["workload"]["name"], "fashion-mnist");
    assert_eq!(record["workload"]["built_in"], false);
    assert_eq!(
        record["workload"]["parameters"],
        784 * 16 + 16 + 16 * 10 + 10
    );
}

#[test]
fn saved_parameters_have_their_documented_names_and_shapes() {
    let home = Home::new();
    let done = home.laptime(&format!("{SHORT} --save net.safetensors"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let bytes = fs::read(home.path("net.safetensors")).expect("it was saved");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("it is well-formed");
    let mut found: Vec<(&str, Vec<usize>)> = tensors
        .iter()
        .map(|(name, tensor)| (name, tensor.shape().to_vec()))
        .collect();
    found.sort();
    let expected = [
        ("fc1.bias", vec![128]),
        ("fc1.weight", vec![128, 784]),
        ("fc2.bias", vec![10]),
        ("fc2.weight", vec![10, 128]),
    ];
    assert_eq!(found, expected);
    for (name, tensor) in tensors.iter() {
        assert_eq!(tensor.dtype(), safetensors::Dtype::F32, "{name}");
        let values = tensor.data().chunks_exact(4);
        let mut values = values.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        assert!(values.all(f32::is_finite), "{name}");
    }
}

#[test]
fn a_verdict_is_remembered_for_the_same_build_and_not_for_another_program() {
    let home = Home::new();
    let remembered = |arguments: &str| {
        let done = home.laptime(&format!("{SHORT} --export-json r.json {arguments}"));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        json(&home.path("r.json"))["gate"]["remembered"] == true
    };
    assert!(!remembered(""));
    assert!(remembered(""));
    assert!(remembered("--seed 5"));
    assert!(!remembered("--batch-size 16"));
    assert!(!remembered("--passes product-epilogue"));
    let verdicts = home.path("cache/laptime/verdicts");
    for verdict in verdicts.read_dir().expect("they were kept") {
        let path = verdict.expect("it can be listed").path();
        fs::write(path, "{\"verdict\": \"ver").expect("it can be written");
    }
    assert!(!remembered(""), "a damaged verdict is none");
}

#[test]
fn runs_fill_a_budget_and_their_number_is_fixed_behind_five() {
    let home = Home::new();
    let run = |more: &str| {
        home.laptime(&format!(
            "{SHORT} --no-telemetry --export-json r.json {more}"
        ))
    };
    let done = run("--budget 8s");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let record = json(&home.path("r.json"));
    let runs = record["runs"].as_array().expect("a list").len();
    // A busy machine may have room for no more than the pilot.
    assert!((6..=101).contains(&runs), "{runs}");
    assert_eq!(record["partial_reason"], "max-steps");
    assert!(record["runs"][1]["telemetry"].is_null());
    assert!(
        done.stdout.contains("Machine   not measured"),
        "{}",
        done.stdout
    );

    // A run with all test samples takes longer than an eighth of a second.
    let mut long = home.command("run --data synthetic --epochs 4 --budget 1s --no-telemetry");
    let done = support::done({
        long.env("LAPTIME_RUNS", "3");
        long
    });
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stderr.contains("8 do not fit into 1 s"),
        "{}",
        done.stderr
    );
    assert!(!done.stdout.contains("interval"), "{}", done.stdout);
}

#[test]
fn how_often_a_run_is_done_may_stand_in_the_environment() {
    let home = Home::new();
    let run = |runs: &str| {
        let mut command = home.command("run --data synthetic --epochs 1 --export-json r.json");
        command.env("LAPTIME_RUNS", runs);
        support::done(command)
    };
    let done = run("1");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(
        json(&home.path("r.json"))["runs"].as_array().map(Vec::len),
        Some(1)
    );
    for wrong in ["0", "-1", "many"] {
        let done = run(wrong);
        assert_eq!(done.code, Some(2), "{}", done.stderr);
        assert!(done.stderr.contains("LAPTIME_RUNS"), "{}", done.stderr);
    }
}

#[test]
fn a_repeat_that_fails_costs_none_of_the_runs_before_it() {
    let home = Home::new();
    let mut command = home.command(&format!(
        "{SHORT} --runs 3 --export-json r.json --save m.safetensors"
    ));
    // The child's log has no place there.
    for variable in ["TMPDIR", "TMP", "TEMP"] {
        command.env(variable, home.path("nowhere"));
    }
    let done = support::done(command);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(
        done.stderr.contains("a run in a process of its own"),
        "{}",
        done.stderr
    );
    assert!(done.stdout.contains("the engine failed"), "{}", done.stdout);
    let record = json(&home.path("r.json"));
    assert_eq!(record["partial_reason"], "failed");
    assert_eq!(record["runs"].as_array().map(Vec::len), Some(1));
    assert!(record["error"].is_string());
    assert_eq!(home.records().len(), 1);
    assert!(home.path("m.safetensors").exists());
}

#[test]
fn more_runs_than_a_record_can_have_are_refused() {
    let done = Home::new().laptime("run --runs 18446744073709551615");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("--runs"), "{}", done.stderr);
}
