//! Trainings that end at a score, and runs that are repeated to show whether a machine keeps its speed.

use crate::support::{Home, json};

#[test]
fn a_training_ends_where_its_score_is_reached() {
    let home = Home::new();
    let run = "run --data synthetic --batch-size 512 --until";
    let done = home.laptime(&format!("{run} accuracy=0.2 --export-json r.json"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stdout.contains("accuracy=0.2 reached in"),
        "{}",
        done.stdout
    );
    let record = json(&home.path("r.json"));
    let run_of = &record["runs"][0];
    let epochs = run_of["goal"]["reached_after_epochs"]
        .as_u64()
        .expect("it was reached");
    assert_eq!(
        run_of["epochs"].as_array().map(Vec::len),
        Some(epochs as usize)
    );
    assert_eq!(run_of["goal"]["tests"][epochs as usize - 1], run_of["test"]);
    let is_whole = epochs == 10;
    let reason = &record["partial_reason"];
    assert!(is_whole || reason == "goal", "{reason}");

    // Made-up samples teach little in one epoch.
    let done = home.laptime(&format!("{run} loss=0.000001 --epochs 1"));
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(
        done.stdout.contains("not reached in 1 epoch"),
        "{}",
        done.stdout
    );
    assert!(
        done.stderr.contains("--until loss=0.000001"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_goal_that_is_none_is_refused() {
    let home = Home::new();
    for wrong in ["accuracy=88", "f1=0.5", "0.88"] {
        let done = home.laptime(&format!("run --until {wrong}"));
        assert_eq!(done.code, Some(2), "{}", done.stdout);
        assert!(done.stderr.contains("accuracy=0.88"), "{}", done.stderr);
    }
    let done = home.laptime("run --until accuracy=0.9 --max-steps 5");
    assert_eq!(done.code, Some(2), "{}", done.stdout);
}

#[test]
fn a_training_without_an_accuracy_ends_at_a_loss_alone() {
    let home = Home::new();
    let examples = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../workload/workloads/examples"
    );
    std::fs::copy(
        format!("{examples}/autoencoder.toml"),
        home.path("net.toml"),
    )
    .expect("it is there");
    let run = "run net.toml --data synthetic --batch-size 512 --until";
    let done = home.laptime(&format!("{run} accuracy=0.2"));
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    assert!(
        done.stderr.contains("autoencoder has no accuracy"),
        "{}",
        done.stderr
    );
    let done = home.laptime(&format!("{run} loss=0.5"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for shown in ["loss=0.5 reached in", "Test loss"] {
        assert!(done.stdout.contains(shown), "{}", done.stdout);
    }
    assert!(!done.stdout.contains("Accuracy"), "{}", done.stdout);
}

#[test]
fn a_run_is_repeated_for_as_long_as_was_asked() {
    let home = Home::new();
    let run = "run --data synthetic --max-steps 4 --sustain 2s --export-json r.json";
    let done = home.laptime(run);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("sustained for 2"), "{}", done.stdout);
    let record = json(&home.path("r.json"));
    assert_eq!(record["sustain_s"], 2.0);
    let runs = record["runs"].as_array().expect("a list");
    assert!(runs.len() > 1 && runs[0]["cold"] == true, "{}", runs.len());
}

#[test]
fn the_test_can_be_left_out() {
    let home = Home::new();
    let run = "run --data synthetic --device cpu --epochs 1 --no-telemetry --no-test --export-json";
    for file in ["a.json", "b.json"] {
        let done = home.laptime(&format!("{run} {file}"));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert!(done.stdout.contains("not tested"), "{}", done.stdout);
        assert!(
            done.stdout.contains("--no-test left out the test"),
            "{}",
            done.stdout
        );
    }
    let record = json(&home.path("a.json"));
    assert_eq!(record["partial_reason"], "no-test");
    assert_eq!(record["runs"][0]["phases"]["test_s"], 0.0);
    // With its like it can be compared, with a whole run it cannot.
    let done = home.laptime("compare a.json b.json");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let whole =
        "run --data synthetic --device cpu --epochs 1 --no-telemetry --export-json whole.json";
    assert_eq!(home.laptime(whole).code, Some(0));
    let done = home.laptime("compare a.json whole.json");
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    assert!(
        done.stderr.contains("test: left out and part of the total"),
        "{}",
        done.stderr
    );
}
