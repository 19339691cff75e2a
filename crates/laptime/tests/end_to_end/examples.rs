//! The workloads that README shows as examples of one's own, and that of `laptime init`: from the file
//! to a verified record.

use std::path::Path;

use crate::support::{Home, json, metric};

#[test]
fn every_example_is_verified_trained_and_tested() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workload/workloads/examples");
    let mut trained = Vec::new();
    for example in folder.read_dir().expect("it is there") {
        let path = example.expect("it can be listed").path();
        let home = Home::new();
        std::fs::copy(&path, home.path("net.toml")).expect("it is a temporary folder");
        let done = home.laptime(
            "run net.toml --max-steps 20 --data synthetic --export-json r.json --save n.safetensors",
        );
        assert_eq!(done.code, Some(0), "{}: {}", path.display(), done.stderr);
        let record = json(&home.path("r.json"));
        let name = record["workload"]["name"].as_str().expect("it has one");
        let word = record["gate"]["verdict"].as_str().expect("a word");
        assert!(word.starts_with("verified"), "{name}: {word}");
        assert_eq!(record["workload"]["built_in"], false, "{name}");
        let run = &record["runs"][0];
        let batch_size = record["workload"]["batch_size"].as_u64().expect("a number");
        assert_eq!(run["epochs"][0]["samples"], 20 * batch_size, "{name}");
        let loss = metric(&run["epochs"][0], "loss").as_f64();
        assert!(
            loss.is_some_and(|loss| (0.0..2.5).contains(&loss)),
            "{name}: {loss:?}"
        );
        let metrics = run["test"]["metrics"].as_array().expect("a list").iter();
        let metrics: Vec<&str> = metrics.filter_map(|it| it["name"].as_str()).collect();
        let expected: &[&str] = match name {
            "autoencoder" => &["loss"],
            _ => &["loss", "accuracy"],
        };
        assert_eq!(metrics, expected, "{name}");
        trained.push(name.to_owned());
    }
    trained.sort();
    assert_eq!(
        trained,
        ["autoencoder", "mlp", "mobilenet-block", "small-cnn", "vgg"]
    );
}

#[test]
fn what_init_writes_is_verified() {
    let home = Home::new();
    let done = home.laptime("init mine");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let commands: Vec<&str> = done
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("  laptime "))
        .collect();
    assert_eq!(commands, ["verify mine.toml", "run mine.toml"]);
    let done = home.laptime(commands[0]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("verified"), "{}", done.stdout);
    // A file of the user's own is not lost.
    let done = home.laptime("init mine");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
}
