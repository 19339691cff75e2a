//! `laptime import`: from a model's file to a training that the gate has verified.

use std::{fs, path::Path};

use safetensors::SafeTensors;

use crate::support::Home;

/// A home with a model of the importer's tests in it.
fn with_model(name: &str) -> Home {
    let home = Home::new();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../import/tests/models");
    let file = format!("{name}.onnx");
    fs::copy(models.join(&file), home.path(&file)).expect("it is there");
    home
}

#[test]
fn a_model_is_imported_and_verified() {
    let home = with_model("lenet");
    let done = home.laptime("import lenet.onnx --weights lenet.safetensors --batch-size 16");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stdout.contains("laptime verify lenet.toml"),
        "{}",
        done.stdout
    );
    let spec = fs::read_to_string(home.path("lenet.toml")).unwrap();
    assert!(spec.contains("batch_size = 16 "), "{spec}");
    let bytes = fs::read(home.path("lenet.safetensors")).unwrap();
    let weights = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(weights.tensor("fc1.weight").unwrap().shape(), [16, 100]);
    let done = home.laptime("verify lenet.toml");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("verified"), "{}", done.stdout);
}

#[test]
fn a_file_that_exists_stays_as_it_is() {
    let home = with_model("mlp");
    fs::write(home.path("mlp.toml"), "mine").unwrap();
    let done = home.laptime("import mlp.onnx");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(
        done.stderr.contains("mlp.toml: this file exists"),
        "{}",
        done.stderr
    );
    assert_eq!(fs::read_to_string(home.path("mlp.toml")).unwrap(), "mine");
    assert_eq!(home.laptime("import mlp.onnx --force").code, Some(0));
    assert_eq!(home.laptime("import mlp.onnx -o mlp.onnx").code, Some(2));
}

#[test]
fn what_is_no_model_gives_one_message() {
    let home = with_model("lenet");
    let bytes = fs::read(home.path("lenet.onnx")).unwrap();
    fs::write(home.path("cut.onnx"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(home.path("text.onnx"), "weights, I promise").unwrap();
    for (command, expected) in [
        ("import cut.onnx", "cut.onnx: it is no ONNX model"),
        ("import text.onnx", "text.onnx: it is no ONNX model"),
        ("import none.onnx", "none.onnx: cannot be read"),
        ("import lenet.onnx --dataset mnist", "unknown dataset"),
        (
            "import lenet.onnx -o fashion-mnist.toml",
            "built-in workload",
        ),
    ] {
        let done = home.laptime(command);
        assert_eq!(done.code, Some(2), "{command}: {}", done.stderr);
        assert!(done.stderr.contains(expected), "{command}: {}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 1, "{command}: {}", done.stderr);
    }
}
