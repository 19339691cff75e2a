//! A training whose loss ceases to be finite is a result with times, and is told everywhere.

use std::fs;

use crate::support::{self, Done, Home, json, metric};
use serde_json::Value;

/// Goes astray after the gate's twenty steps, within the first epoch of 118.
const NET: &str = r#"
name = "too-fast"
[data]
dataset = "fashion-mnist"
pixel_divisor = 255
[training]
batch_size = 512
epochs = 2
shuffle = true
seed = 1
precision = "fp32"
loss = "softmax-cross-entropy"
[optimizer]
kind = "sgd"
learning_rate = 0.3
momentum = 0.9
[[layer]]
name = "flatten"
kind = "flatten"
[[layer]]
name = "fc1"
kind = "dense"
units = 16
[[layer]]
name = "fc2"
kind = "dense"
units = 16
[[layer]]
name = "fc3"
kind = "dense"
units = 16
[[layer]]
name = "fc4"
kind = "dense"
units = 10
"#;

/// A home with the net in it.
fn home() -> Home {
    let home = Home::new();
    fs::write(home.path("net.toml"), NET).expect("it is a temporary folder");
    home
}

const RUN: &str = "run net.toml --data synthetic --device cpu --threads 1 --export-json r.json";

/// The words of a message or block, however its lines are broken.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn run_of(home: &Home, place: usize) -> Value {
    json(&home.path("r.json"))["runs"][place].clone()
}

#[test]
fn a_diverged_training_is_shown_stored_and_exported_with_its_times_and_fails() {
    let home = home();
    let exports = "--export-csv r.csv --export-markdown r.md --save net.safetensors";
    let Done {
        code,
        stdout,
        stderr,
    } = home.laptime(&format!("{RUN} {exports}"));
    assert_eq!(code, Some(1), "{stderr}");

    let run = run_of(&home, 0);
    let (diverged, step) = (&run["diverged"], &run["diverged"]["step"]);
    assert_eq!(diverged["epoch"], 1, "{run}");
    assert_eq!(diverged["last_step"], *step, "{run}");
    // It trained on to the end.
    for epoch in run["epochs"].as_array().expect("a list") {
        assert_eq!(epoch["samples"], 60_000);
        assert!(metric(epoch, "loss").is_string(), "{epoch}");
    }
    assert_eq!(run["epochs"].as_array().map(Vec::len), Some(2));
    assert!(metric(&run["test"], "loss").is_string(), "{run}");
    assert_eq!(home.records().len(), 1);
    assert!(home.path("net.safetensors").exists());

    let place = format!("diverged at epoch 1, step {step} of 118");
    let total_s = run["total_s"].as_f64().expect("a time");
    let block = words(&stdout);
    assert!(
        block.contains(&format!("{place}: its loss is not finite")),
        "{stdout}"
    );
    assert!(block.contains(&format!("Total {total_s:.3} s")), "{stdout}");
    assert!(block.contains("(loss NaN)"), "{stdout}");
    let read = |name: &str| fs::read_to_string(home.path(name)).expect("it was exported");
    assert!(read("r.md").contains(&place), "{}", read("r.md"));
    assert!(
        read("r.csv").contains(&format!(",NaN,0,true,1,{step},")),
        "{}",
        read("r.csv")
    );

    // The gate may have seen that coming, and then has its own word.
    if json(&home.path("r.json"))["gate"]["verdict"] != "failed" {
        let error = format!("error: the training {place}: its loss is not finite; a smaller");
        assert!(stderr.contains(&error), "{stderr}");
    }
}

#[test]
fn a_part_of_a_training_diverges_where_the_whole_does_in_every_run() {
    let home = home();
    home.laptime(&format!("{RUN} --epochs 1"));
    let whole = run_of(&home, 0)["diverged"].clone();
    let step = whole["step"].as_u64().expect("it diverged");

    let done = home.laptime(&format!("{RUN} --runs 3 --max-steps {step}"));
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    for place in 0..3 {
        assert_eq!(run_of(&home, place)["diverged"], whole, "run {place}");
    }
    // Three times the same is no difference: the one warning is of the data.
    let warnings = json(&home.path("r.json"))["warnings"].clone();
    assert_eq!(warnings.as_array().map(Vec::len), Some(1), "{warnings}");
    assert!(warnings.to_string().contains("SYNTHETIC"), "{warnings}");
    assert!(
        !words(&done.stdout).contains("of 3 runs:"),
        "{}",
        done.stdout
    );

    let done = home.laptime(&format!("{RUN} --max-steps {}", step - 1));
    let run = run_of(&home, 0);
    assert!(
        run["diverged"].is_null() && metric(&run["epochs"][0], "loss").is_f64(),
        "{run}"
    );
    // The update of the last step may already be too much, which only the test shows.
    let is_diverged = metric(&run["test"], "loss").is_string();
    assert_eq!(done.code, Some(i32::from(is_diverged)), "{}", done.stderr);
    assert_eq!(is_diverged, done.stdout.contains("diverged in its test"));
}

#[test]
fn a_diverged_training_is_checkpointed_and_resumed() {
    let home = home();
    let save = |name: &str| format!("--save {name}.safetensors");
    home.laptime(&format!("{RUN} {}", save("one")));
    let one = run_of(&home, 0);
    let step = one["diverged"]["step"].as_u64().expect("it diverged");
    // Up to the step before, within the first epoch, into the second, to the end.
    for max_steps in [step - 1, step + 1, 130, 236] {
        home.laptime(&format!(
            "{RUN} --checkpoint kept --resume --max-steps {max_steps} {}",
            save("parts")
        ));
        let run = run_of(&home, 0);
        assert_eq!(run["diverged"].is_null(), max_steps < step, "{run}");
    }
    let parts = run_of(&home, 0);
    assert_eq!(parts["diverged"], one["diverged"]);
    assert_eq!(parts["resumed"].as_array().map(Vec::len), Some(3));
    for epoch in 0..2 {
        for name in ["metrics", "samples"] {
            assert_eq!(parts["epochs"][epoch][name], one["epochs"][epoch][name]);
        }
    }
    let saved = |name: &str| fs::read(home.path(name)).expect("it was saved");
    assert!(saved("one.safetensors") == saved("parts.safetensors"));
}

#[test]
fn an_interrupted_training_that_diverged_tells_both() {
    use std::{thread, time::Duration};

    if support::lacks_console() {
        return;
    }
    let home = home();
    let arguments = format!("{RUN} --epochs 100000 --checkpoint kept");
    let child = home.command(&arguments).spawn().expect("it starts");
    // After the first epoch, in which it diverged.
    while !home.path("kept/checkpoint.safetensors").exists() {
        thread::sleep(Duration::from_millis(20));
    }
    support::interrupt(&child);
    let done = support::ended(child.wait_with_output().expect("it ends"));
    assert_eq!(done.code, Some(130), "{}", done.stderr);
    let record = json(&home.path("r.json"));
    assert_eq!(record["partial_reason"], "interrupted");
    assert_eq!(record["runs"][0]["diverged"]["epoch"], 1);
    let block = words(&done.stdout);
    for part in ["diverged at epoch 1, step", "partial: interrupted"] {
        assert!(block.contains(part), "{}", done.stdout);
    }
}
