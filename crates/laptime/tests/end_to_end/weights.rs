//! `--init`, `--initial` and `laptime orders`: what somebody needs who repeats a training, or goes on with one.

use std::fs;

use serde_json::Value;

use crate::support::{Done, Home, PYTHON, json, metric};

const RUN: &str = "run --data synthetic --device cpu --runs 1 --no-analysis --quiet";

fn succeeds(home: &Home, arguments: &str) -> Done {
    let done = home.laptime(arguments);
    assert_eq!(done.code, Some(0), "{arguments}: {}", done.stderr);
    done
}

fn refused(home: &Home, arguments: &str) -> String {
    let done = home.laptime(arguments);
    assert_eq!(done.code, Some(2), "{arguments}: {}", done.stderr);
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
    done.stderr
}

fn run_of(home: &Home, name: &str) -> Value {
    json(&home.path(name))["runs"][0].clone()
}

fn loss(of: &Value) -> f64 {
    metric(of, "loss").as_f64().expect("a number")
}

#[test]
fn initial_weights_written_and_given_back_are_the_same_training() {
    let home = Home::new();
    let short = format!("{RUN} --batch-size 512 --epochs 1");
    succeeds(
        &home,
        &format!("{short} --initial i.safetensors --save one.safetensors --export-json one.json"),
    );
    // A child that repeats the run reads the file as well.
    succeeds(
        &home,
        &format!(
            "{short} --runs 2 --init i.safetensors --save two.safetensors --export-json two.json"
        )
        .replace("--runs 1 ", ""),
    );
    let read = |name: &str| fs::read(home.path(name)).expect("it was written");
    assert!(read("one.safetensors") == read("two.safetensors"));
    assert!(read("one.safetensors") != read("i.safetensors"));
    let record = json(&home.path("two.json"));
    let one = run_of(&home, "one.json");
    let runs = record["runs"].as_array().expect("a list");
    assert_eq!(runs.len(), 3, "a cold run and two");
    for run in runs {
        assert_eq!(run["epochs"][0]["metrics"], one["epochs"][0]["metrics"]);
        assert_eq!(run["test"], one["test"]);
    }
    // The record says which weights, and that it is another training than the built-in one.
    let said = record["workload"]["overrides"].to_string();
    assert!(said.contains("initial_weights = \\\"sha256:"), "{said}");
    let plain = json(&home.path("one.json"));
    assert_ne!(record["workload"]["digest"], plain["workload"]["digest"]);
    assert_eq!(record["gate"]["verdict"], "verified");
    let given = format!("{short} --init i.safetensors --initial same.safetensors");
    succeeds(&home, &given);
    assert!(read("same.safetensors") == read("i.safetensors"));
}

/// The same first step from weights of the seed.
fn on_anew(home: &Home) -> Value {
    let anew = format!("{RUN} --batch-size 128 --max-steps 1 --export-json anew.json");
    succeeds(home, &anew);
    run_of(home, "anew.json")
}

#[test]
fn a_saved_model_goes_on_from_where_it_was() {
    let home = Home::new();
    let first = format!("{RUN} --batch-size 128 --epochs 1");
    succeeds(
        &home,
        &format!("{first} --save m.safetensors --export-json first.json"),
    );
    // Without a step there is nothing but the test: the same model has the same score.
    let on = format!("{RUN} --batch-size 128 --max-steps 1 --init m.safetensors");
    succeeds(&home, &format!("{on} --export-json on.json"));
    let (first, on) = (run_of(&home, "first.json"), run_of(&home, "on.json"));
    let (before, after) = (loss(&first["test"]), loss(&on["test"]));
    assert!(
        (before - after).abs() < 0.1 * before,
        "{before} and {after}"
    );
    let anew = on_anew(&home);
    assert!(loss(&on["epochs"][0]) < 0.5 * loss(&anew["epochs"][0]));
    // A checkpoint belongs to the weights that its training began with.
    let kept = format!("{RUN} --batch-size 128 --max-steps 9 --checkpoint kept --resume");
    let kept = kept.replace("--runs 1 ", "");
    succeeds(&home, &format!("{kept} --init m.safetensors"));
    let said = refused(&home, &kept);
    assert!(said.contains("other initial weights"), "{said}");
    succeeds(
        &home,
        &format!("{kept} --init m.safetensors").replace("--max-steps 9", "--max-steps 12"),
    );
}

#[test]
fn the_gate_starts_from_the_same_weights() {
    let home = Home::new();
    succeeds(
        &home,
        &format!("{RUN} --epochs 1 --batch-size 512 --save m.safetensors"),
    );
    let verified = succeeds(&home, "verify --device cpu --init m.safetensors");
    assert!(verified.stdout.contains("verified"), "{}", verified.stdout);
}

#[test]
fn weights_that_do_not_fit_are_refused_with_all_that_does_not() {
    let home = Home::new();
    let to = |arguments: &str, name: &str| {
        let none = "--max-steps 1 --no-test";
        succeeds(&home, &format!("{arguments} {none} --initial {name}"));
    };
    to(RUN, "mnist.safetensors");
    let spec = succeeds(&home, "workloads --show fashion-mnist").stdout;
    let narrow = spec
        .replace("units = 128", "units = 100")
        .replace("fc2", "head");
    assert_ne!(narrow, spec);
    fs::write(home.path("net.toml"), narrow).unwrap();
    let said = refused(&home, "run net.toml --init mnist.safetensors");
    for line in [
        "--init mnist.safetensors: these weights do not fit the network fashion-mnist:",
        "  fc1.weight is (128, 784) in the file, and (100, 784) in the network",
        "  head.bias, of shape (10), is not in the file",
        "  fc2.bias is not in the network",
        "laptime run --initial FILE",
    ] {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed(&said).contains(&squeezed(line)), "{line}\n{said}");
    }
    let whole = fs::read(home.path("mnist.safetensors")).unwrap();
    fs::write(home.path("cut.safetensors"), &whole[..whole.len() - 5]).unwrap();
    let said = refused(&home, "run --init cut.safetensors");
    assert!(said.contains("not a whole safetensors file"), "{said}");
    let text = String::from_utf8_lossy(&whole[8..300]).into_owned();
    let header = &whole[..];
    let place = text.find("\"F32\"").expect("a header names types") + 8;
    let other = [&header[..place], b"\"I32\"", &header[place + 5..]].concat();
    fs::write(home.path("other.safetensors"), other).unwrap();
    let said = refused(&home, "race --engines laptime,jax --init other.safetensors");
    assert!(said.contains("is I32 in the file, not F32"), "{said}");
    let mut nan = whole.clone();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(home.path("nan.safetensors"), nan).unwrap();
    let said = refused(&home, "verify --init nan.safetensors");
    assert!(said.contains("has the value NaN"), "{said}");
    let said = refused(&home, "run --init missing.safetensors");
    assert!(said.contains("cannot be read"), "{said}");
    let said = refused(
        &home,
        "run --init mnist.safetensors --save mnist.safetensors",
    );
    assert!(said.contains("the file of --init"), "{said}");
    let said = refused(&home, "run --initial m.safetensors --save m.safetensors");
    assert!(said.contains("the file of"), "{said}");
}

#[test]
fn a_framework_that_draws_its_own_weights_is_given_none() {
    let home = Home::new();
    let none = "--max-steps 1 --no-test --initial i.safetensors";
    succeeds(&home, &format!("{RUN} {none}"));
    let mut command =
        home.command("race --engines laptime,tensorflow-as-published --init i.safetensors");
    command.env("LAPTIME_TENSORFLOW_PYTHON", PYTHON);
    let done = crate::support::done(command);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    let says = "tensorflow-as-published draws its initial weights itself";
    assert!(done.stderr.contains(says), "{}", done.stderr);
}

#[test]
fn orders_are_written_as_text_and_for_numpy() {
    let home = Home::new();
    let text = succeeds(&home, "orders --epochs 2").stdout;
    let epochs: Vec<Vec<u32>> = text
        .lines()
        .map(|line| line.split(' ').map(|n| n.parse().unwrap()).collect())
        .collect();
    assert_eq!(epochs.len(), 2);
    for order in &epochs {
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..60_000));
    }
    succeeds(&home, "orders --epochs 2 -o o.npy");
    let bytes = fs::read(home.path("o.npy")).unwrap();
    let values = &bytes[bytes.len() - 480_000..];
    let first = u32::from_le_bytes(values[..4].try_into().unwrap());
    assert_eq!(first, epochs[0][0]);
    let said = refused(&home, "orders -o o.json");
    assert!(said.contains("JSON"), "{said}");
}
