//! Records as files.

mod sample;

use laptime_measure::Metrics;
use laptime_results::{Record, Store, Summary, export, schema, typical_run};
use sample::{diverged, record, work};

#[test]
fn a_record_survives_json() {
    let record = record(&[1.9, 2.1]);
    let text = export::json(&record);
    let back: Record = serde_json::from_str(&text).expect("it was just written");
    assert_eq!(back, record);
    assert!(text.ends_with("}\n"));
}

#[test]
fn losses_that_are_not_finite_survive_json_as_words() {
    let mut record = diverged(&[1.9]);
    record.runs[0].epochs[3].metrics = Metrics::of_classifier(f64::NEG_INFINITY, 0.0);
    let text = export::json(&record);
    let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let epochs = &value["runs"][0]["epochs"];
    assert_eq!(epochs[1]["metrics"][0]["value"], "Infinity");
    assert_eq!(epochs[2]["metrics"][0]["value"], "NaN");
    assert_eq!(epochs[3]["metrics"][0]["value"], "-Infinity");
    assert_eq!(value["runs"][0]["test"]["metrics"][0]["value"], "NaN");
    let back: Record = serde_json::from_str(&text).expect("it was just written");
    assert!(back.runs[0].epochs[2].metrics.loss().is_nan());
    assert_eq!(back.runs[0].epochs[1].metrics.loss(), f64::INFINITY);
    assert_eq!(back.runs[0].diverged, record.runs[0].diverged);
    assert_eq!(export::json(&back), text);
}

#[test]
fn records_of_earlier_builds_have_null_for_such_a_loss_and_are_read() {
    let text = export::json(&diverged(&[1.9]));
    let mut value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let run = &mut value["runs"][0];
    run.as_object_mut().expect("an object").remove("diverged");
    run["test"]["metrics"][0]["value"] = serde_json::Value::Null;
    run["epochs"][1]["metrics"][0]["value"] = serde_json::Value::Null;
    let old: Record = serde_json::from_value(value.clone()).expect("it is a record");
    let run = &old.runs[0];
    let test = run.test.as_ref().expect("it was tested");
    assert!(run.epochs[1].metrics.loss().is_nan() && test.metrics.loss().is_nan());
    assert!(run.is_diverged() && run.diverged.is_none());
    for wrong in [
        serde_json::json!("nan"),
        serde_json::json!([]),
        serde_json::json!(true),
    ] {
        value["runs"][0]["test"]["metrics"][0]["value"] = wrong;
        assert!(serde_json::from_value::<Record>(value.clone()).is_err());
    }
}

#[test]
fn tables_have_a_word_for_what_is_not_finite() {
    let records = [diverged(&[1.923]), record(&[2.0])];
    let csv = export::csv(&records);
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let cells = |name: &str| {
        let column = rows[0].iter().position(|it| *it == name).expect(name);
        [rows[1][column], rows[2][column]]
    };
    assert_eq!(cells("test_loss"), ["NaN", "0.3311"]);
    assert_eq!(cells("diverged"), ["true", "false"]);
    assert_eq!(cells("diverged_epoch"), ["2", ""]);
    assert_eq!(cells("diverged_step"), ["313", ""]);
    let markdown = export::markdown(&records[..1]);
    for words in [
        "| verified, diverged at epoch 2, step 313 of 1,875 |",
        "| 0.00 % (loss NaN) |",
    ] {
        assert!(markdown.contains(words), "{markdown}");
    }
}

#[test]
fn the_schema_names_every_key_of_a_record() {
    let schema = serde_json::to_value(schema()).expect("it is JSON");
    let record = serde_json::to_value(record(&[1.9])).expect("it is JSON");
    let described: Vec<&String> = schema["properties"]
        .as_object()
        .expect("a record is an object")
        .keys()
        .collect();
    for key in record.as_object().expect("a record is an object").keys() {
        assert!(described.contains(&key), "{key}");
    }
    assert_eq!(record["schema"], "laptime.record.v2");
}

#[test]
fn the_summary_can_be_derived_again_and_leaves_interrupted_runs_out() {
    let mut record = record(&[3.0, 1.0, 2.0, 0.1]);
    record.runs[3].test = None;
    let flops = work().model_flops_per_sample;
    let summary = Summary::of(&record.runs, work(), None);
    assert_eq!(summary.total_s.median, 2.0);
    assert_eq!(summary.total_s.ci95, None);
    assert_eq!(typical_run(&record.runs), Some(&record.runs[2]));
    // 600,000 samples in 97 % of 2 s.
    assert!(
        (summary.samples_per_s - 600_000.0 / 1.94).abs() < 1.0,
        "{summary:?}"
    );
    assert!((summary.achieved_flops / summary.samples_per_s - flops).abs() < 1.0);
}

#[test]
fn csv_has_a_row_a_run_and_markdown_a_row_a_record() {
    let records = [record(&[1.923, 2.0]), record(&[3.0])];
    let csv = export::csv(&records);
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 4, "{csv}");
    let total = rows[0].iter().position(|name| *name == "total_s");
    assert_eq!(rows[1][total.expect("there is a total")], "1.923");
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{csv}");

    let markdown = export::markdown(&records);
    let lines: Vec<&str> = markdown.lines().collect();
    assert_eq!(lines.len(), 4, "{markdown}");
    assert!(lines[3].contains("| 3.000 | verified |"), "{markdown}");
}

#[test]
fn a_record_is_stored_once_and_never_over_another() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let store = Store::below(folder.path());
    let record = record(&[1.9]);
    let path = store.save(&record).expect("the folder can be written");
    let text = std::fs::read_to_string(&path).expect("it was just written");
    assert_eq!(text, export::json(&record));
    assert!(
        path.ends_with("records/20261123T184200Z-1a2b3c.json"),
        "{path:?}"
    );
    assert!(store.save(&record).is_err(), "it is there already");
    let files = std::fs::read_dir(folder.path().join("records")).expect("it is there");
    assert_eq!(files.count(), 1, "no temporary file is left");
}

#[test]
fn a_place_that_cannot_be_written_is_named_with_advice() {
    let file = tempfile::NamedTempFile::new().expect("there is a place for temporary files");
    let error = Store::below(file.path()).save(&record(&[1.9]));
    let message = error.expect_err("a file is no folder").to_string();
    assert!(
        message.contains("1a2b3c.json") && message.contains("XDG_DATA_HOME"),
        "{message}"
    );
}

#[test]
fn markdown_counts_the_runs_that_its_median_is_of() {
    let mut record = record(&[9.0, 2.0, 2.1]);
    record.runs[0].cold = true;
    record.summary = Summary::of(&record.runs, work(), None);
    let markdown = export::markdown(&[record]);
    assert!(markdown.contains("| 2 | 2.050 |"), "{markdown}");
}
