//! `--checkpoint` and `--resume`: a training in parts is the training in one go, to the bit.

use std::{collections::BTreeMap, fs, path::Path};

use crate::support::{self, Done, Home, json, schema::misfits};
use safetensors::SafeTensors;
use serde_json::Value;

/// 118 steps an epoch, the last with 96 samples.
const BIG_BATCHES: &str = "run --data synthetic --batch-size 512 --epochs 3";
const FILE: &str = if cfg!(windows) {
    r"kept\checkpoint.safetensors"
} else {
    "kept/checkpoint.safetensors"
};

fn succeeds(home: &Home, arguments: &str) -> Done {
    let done = home.laptime(arguments);
    assert_eq!(done.code, Some(0), "{arguments}: {}", done.stderr);
    done
}

fn tensors(path: &Path) -> BTreeMap<String, (Vec<usize>, Vec<u8>)> {
    let bytes = fs::read(path).expect("it was saved");
    let file = SafeTensors::deserialize(&bytes).expect("it is well-formed");
    let tensors = file.iter();
    tensors
        .map(|(name, view)| (name.into(), (view.shape().to_vec(), view.data().to_vec())))
        .collect()
}

/// All of a run that the clock has no part in.
fn scores(run: &Value) -> Vec<Value> {
    let epochs = run["epochs"].as_array().expect("a list");
    let epochs = epochs
        .iter()
        .flat_map(|epoch| ["metrics", "samples"].map(|name| epoch[name].clone()));
    epochs.chain([run["test"].clone()]).collect()
}

/// The run of `one.json` and that of `parts.json` are one training.
fn assert_same_training(home: &Home) {
    let run = |name: &str| json(&home.path(name))["runs"][0].clone();
    assert_eq!(scores(&run("one.json")), scores(&run("parts.json")));
    let saved = |name: &str| tensors(&home.path(name));
    assert!(saved("one.safetensors") == saved("parts.safetensors"));
}

const ONE: &str = "--export-json one.json --save one.safetensors";
const PARTS: &str = "--checkpoint kept --resume --export-json parts.json --save parts.safetensors";

#[test]
fn a_training_in_parts_is_the_training_in_one_go() {
    let home = Home::new();
    succeeds(&home, &format!("{BIG_BATCHES} {ONE}"));
    // In the first epoch, at the end of the second, in the third, at the end, behind the end.
    let parts = [Some(50), Some(236), Some(300), None, None];
    for max_steps in parts {
        let cut = max_steps.map_or(String::new(), |n| format!("--max-steps {n}"));
        let done = succeeds(&home, &format!("{BIG_BATCHES} {PARTS} {cut}"));
        let step = max_steps.unwrap_or(354);
        let says = format!("checkpoint saved at step {step} in {FILE}");
        assert!(done.stderr.contains(&says), "{}", done.stderr);
        if max_steps == Some(50) {
            let says = format!("there is no {FILE} yet: beginning anew");
            assert!(done.stderr.contains(&says), "{}", done.stderr);
        } else {
            let shows = "resumed";
            assert!(done.stdout.contains(shows), "{}", done.stdout);
        }
    }
    assert_same_training(&home);

    let record = json(&home.path("parts.json"));
    assert_eq!(record["partial"], false);
    let resumed = serde_json::json!([
        {"step": 50, "before": null},
        {"step": 236, "before": null},
        {"step": 300, "before": null},
        {"step": 354, "before": null},
    ]);
    assert_eq!(record["runs"][0]["resumed"], resumed);
    let schema = home.laptime("schema").stdout;
    let schema: Value = serde_json::from_str(&schema).expect("it is JSON");
    assert_eq!(misfits(&schema, &schema, &record, ""), [""; 0]);
}

#[test]
fn the_times_of_a_training_in_parts_are_those_of_its_parts() {
    let home = Home::new();
    let run = |cut: &str| {
        succeeds(&home, &format!("{BIG_BATCHES} {PARTS} {cut}"));
        json(&home.path("parts.json"))["runs"][0].clone()
    };
    let first = run("--max-steps 150");
    let second = run("");
    let seconds = |run: &Value, name: &str| run["phases"][name].as_f64().expect("a time");
    for name in ["load_s", "compile_s", "train_s"] {
        assert!(seconds(&second, name) > seconds(&first, name), "{name}");
    }
    // What the last checkpoint of the first part took cannot be in it.
    assert!(seconds(&first, "checkpoint_s") > 0.0);
    assert!(seconds(&second, "checkpoint_s") > 0.0);
    // The epoch that was done in the first part has the time that it took there.
    assert_eq!(first["epochs"][0], second["epochs"][0]);
    let total_s = second["total_s"].as_f64().expect("a time");
    let names = ["prepare_s", "compile_s", "train_s", "test_s", "other_s"];
    let sum_s: f64 = names.iter().map(|name| seconds(&second, name)).sum();
    assert!((sum_s / total_s - 1.0).abs() < 0.01, "{second}");
    let epochs = second["epochs"].as_array().expect("a list");
    let epochs_s: f64 = epochs.iter().filter_map(|e| e["train_s"].as_f64()).sum();
    assert!((epochs_s / seconds(&second, "train_s") - 1.0).abs() < 1e-9);
    assert!(second["wall_s"].as_f64() > Some(total_s + seconds(&second, "checkpoint_s")));
}

#[test]
fn the_statistics_and_dropout_of_a_net_go_on_too() {
    let home = Home::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workload/workloads/examples");
    fs::copy(examples.join("small-cnn.toml"), home.path("net.toml")).expect("it is there");
    // Whole epochs would take too long; the cut is then where the last part ends.
    let run = "run net.toml --data synthetic";
    succeeds(&home, &format!("{run} --max-steps 21 {ONE}"));
    for max_steps in [8, 21] {
        let cut = format!("--max-steps {max_steps} --checkpoint-every 5");
        succeeds(&home, &format!("{run} {PARTS} {cut}"));
    }
    assert_same_training(&home);
    let kept = tensors(&home.path(FILE));
    let names = kept.keys().map(String::as_str);
    let names: Vec<&str> = names
        .filter(|name| name.starts_with("batch_norm1"))
        .collect();
    assert!(names.contains(&"batch_norm1.running_mean"), "{names:?}");
}

#[test]
fn a_training_that_is_killed_goes_on_from_where_it_was_kept() {
    let home = Home::new();
    let run = "run --data synthetic --batch-size 512 --epochs 6";
    succeeds(&home, &format!("{run} {ONE}"));
    let arguments = format!("{run} {PARTS} --checkpoint-every 20");
    let mut child = home.command(&arguments).spawn().expect("it starts");
    while !home.path(FILE).exists() && child.try_wait().expect("it can be asked").is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    succeeds(&home, &arguments);
    assert_same_training(&home);
}

#[test]
fn an_interrupted_training_is_kept_at_the_step_where_it_stopped() {
    if support::lacks_console() {
        return;
    }
    let home = Home::new();
    // So long that only the signal ends it; kept at the end of an epoch, and where that finds it.
    let run = "run --data synthetic --batch-size 512 --epochs 100000";
    let mut child = home
        .command(&format!("{run} {PARTS}"))
        .spawn()
        .expect("it starts");
    while !home.path(FILE).exists() {
        assert!(child.try_wait().expect("it can be asked").is_none());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    support::interrupt(&child);
    let done = support::ended(child.wait_with_output().expect("it ends"));
    assert_eq!(done.code, Some(130), "{}", done.stderr);
    let run_was = json(&home.path("parts.json"))["runs"][0].clone();
    let epochs = run_was["epochs"].as_array().expect("a list");
    let samples = epochs.iter().filter_map(|epoch| epoch["samples"].as_u64());
    let steps: u64 = samples.map(|samples| samples.div_ceil(512)).sum();
    let says = format!("checkpoint saved at step {steps} in {FILE}");
    assert!(done.stderr.contains(&says), "{}", done.stderr);

    let cut = format!("{run} --max-steps {}", steps + 40);
    succeeds(&home, &format!("{cut} {PARTS}"));
    succeeds(&home, &format!("{cut} {ONE}"));
    assert_same_training(&home);
}

#[test]
fn what_cannot_be_gone_on_from_is_named_with_advice() {
    let home = Home::new();
    let short = "run --data synthetic --max-steps 4";
    succeeds(&home, &format!("{short} --checkpoint kept"));
    let whole = fs::read(home.path(FILE)).expect("it was kept");
    let mut turned = whole.clone();
    let middle = turned.len() / 2;
    turned[middle] ^= 1;
    let claims = [&u64::MAX.to_le_bytes(), b"{}".as_slice()].concat();
    let resume = format!("{short} --checkpoint kept --resume");
    // (what the file has, arguments, what the message says)
    let table: &[(&[u8], String, &[&str])] = &[
        (&whole[..whole.len() / 2], resume.clone(), &["damaged"]),
        (&whole[..5], resume.clone(), &["damaged"]),
        (b"", resume.clone(), &["damaged"]),
        (&turned, resume.clone(), &["damaged", "digest"]),
        (&claims, resume.clone(), &["damaged"]),
        (
            &whole,
            format!("{resume} --seed 9"),
            &["another training", "seed 1, not 9"],
        ),
        (
            &whole,
            format!("{resume} --batch-size 64"),
            &["another training", "batch size"],
        ),
        (
            &whole,
            resume.replace("run", "run cifar10-resnet50"),
            &["of fashion-mnist, not of cifar10-resnet50"],
        ),
        (
            &whole,
            resume.replace("--max-steps 4", "--max-steps 3"),
            &["--max-steps 3", "step 4 already", "from the beginning"],
        ),
        (
            &whole,
            format!("{short} --checkpoint kept"),
            &["--checkpoint", "already", "--resume"],
        ),
    ];
    for (bytes, arguments, says) in table {
        fs::write(home.path(FILE), bytes).expect("it can be written");
        let done = home.laptime(arguments);
        assert_eq!(done.code, Some(2), "{arguments}: {}", done.stderr);
        assert_eq!(done.stdout, "", "{arguments}");
        for words in [&[FILE], *says].concat() {
            assert!(done.stderr.contains(words), "{arguments}: {}", done.stderr);
        }
        let left = fs::read(home.path(FILE)).expect("it is still there");
        assert!(left == *bytes, "{arguments}");
    }
    fs::write(home.path(FILE), &whole).expect("it can be written");
    succeeds(&home, &resume);
}

/// A pipe in the checkpoint's place once kept its reader waiting for ever.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_no_checkpoint() {
    let home = Home::new();
    fs::create_dir(home.path("kept")).expect("it is a temporary folder");
    let made = std::process::Command::new("mkfifo")
        .arg(home.path(FILE))
        .status();
    assert!(made.is_ok_and(|status| status.success()));
    let done = home.laptime("run --data synthetic --max-steps 4 --checkpoint kept --resume");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    let says = "it cannot be read: it is not a plain file; remove it";
    assert!(done.stderr.contains(says), "{}", done.stderr);
}

#[test]
fn another_instruction_set_goes_on_and_the_record_says_so() {
    let home = Home::new();
    let run = |isa: &str, max_steps: u32| {
        let arguments = format!("run --data synthetic --max-steps {max_steps} {PARTS}");
        let mut command = home.command(&arguments);
        command.env("LAPTIME_ISA", isa);
        let done = support::done(command);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        done
    };
    run("portable", 3);
    let mut command = home.command(&format!("run --data synthetic --max-steps 6 {PARTS}"));
    command.env_remove("LAPTIME_ISA");
    let done = support::done(command);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let record = json(&home.path("parts.json"));
    if record["device"]["isa"] == "portable" {
        return; // there is no other here
    }
    assert!(done.stderr.contains("until step 3"), "{}", done.stderr);
    assert!(done.stdout.contains("bits may differ"), "{}", done.stdout);
    let before = &record["runs"][0]["resumed"][0]["before"];
    assert!(
        before.as_str().is_some_and(|it| it.contains("portable")),
        "{before}"
    );
    let warnings = record["warnings"].to_string();
    assert!(warnings.contains("until step 3"), "{warnings}");
}

#[test]
fn a_folder_that_cannot_be_written_is_told_before_the_training() {
    let home = Home::new();
    fs::write(home.path("kept"), "").expect("it is a temporary folder");
    let done = home.laptime("run --data synthetic --max-steps 4 --checkpoint kept");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(
        done.stderr
            .contains("--checkpoint kept: it cannot be written")
    );
    assert!(home.records().is_empty());
}

/// The shell's limit of a file's size is a disk that is full for large files.
#[cfg(target_os = "linux")]
#[test]
fn checkpoints_that_cannot_be_written_cost_themselves_and_not_the_training() {
    let home = Home::new();
    let done = support::done(home.shell(&format!(
        "ulimit -f 300; exec {} run --data synthetic --max-steps 4 --checkpoint kept \
         --checkpoint-every 1 --export-json r.json",
        env!("CARGO_BIN_EXE_laptime")
    )));
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stdout.contains("Total"), "{}", done.stdout);
    let says = format!("error: --checkpoint {FILE}: the checkpoint of step 4 cannot be written");
    assert!(done.stderr.contains(&says), "{}", done.stderr);
    let warning =
        format!("warning: --checkpoint {FILE}: the checkpoint of step 1 cannot be written");
    assert!(done.stderr.contains(&warning), "{}", done.stderr);
    assert_eq!(done.stderr.matches("warning: --checkpoint").count(), 1);
    // One warning for all of them.
    let warnings = &json(&home.path("r.json"))["warnings"];
    let all: Vec<&str> = warnings
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .filter(|text| text.contains("checkpoint"))
        .collect();
    assert_eq!(all.len(), 1, "{warnings}");
    assert!(
        all[0].starts_with("4 checkpoints, of steps 1 to 4"),
        "{warnings}"
    );
    // Records may be published: the system's words, and no path of the user's.
    assert!(
        all[0].ends_with("File too large (os error 27)"),
        "{warnings}"
    );
    assert!(!done.stderr.contains(".laptime-"), "{}", done.stderr);
}

/// The shell's limit of a file's size is a disk that is full for one file alone.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_checkpoint_before() {
    let home = Home::new();
    succeeds(
        &home,
        "run --data synthetic --max-steps 4 --checkpoint kept",
    );
    let before = fs::read(home.path(FILE)).expect("it was kept");
    let done = support::done(home.shell(&format!(
        "trap '' XFSZ; ulimit -f 300; exec {} run --data synthetic --max-steps 8 --checkpoint kept \
         --resume",
        env!("CARGO_BIN_EXE_laptime")
    )));
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    let says = "the checkpoint of step 8 cannot be written";
    assert!(done.stderr.contains(says), "{}", done.stderr);
    assert!(
        done.stderr.contains("the last one is of step 4"),
        "{}",
        done.stderr
    );
    assert!(fs::read(home.path(FILE)).expect("it is there") == before);
    let files = fs::read_dir(home.path("kept")).expect("it is there");
    assert_eq!(files.count(), 2, "half a checkpoint is none");
}

#[test]
fn two_trainings_do_not_share_a_folder() {
    let home = Home::new();
    fs::create_dir(home.path("kept")).expect("it is a temporary folder");
    let lock = fs::File::create(home.path("kept/.lock")).expect("it is a temporary folder");
    lock.lock().expect("temporary folders know locks");
    let done = home.laptime("run --data synthetic --max-steps 4 --checkpoint kept");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    let says = "--checkpoint kept: another laptime is using it";
    assert!(done.stderr.contains(says), "{}", done.stderr);
}

/// Somebody else may be allowed to write to the folder.
#[cfg(unix)]
#[test]
fn no_link_in_the_folder_is_followed() {
    let home = Home::new();
    fs::create_dir(home.path("kept")).expect("it is a temporary folder");
    fs::write(home.path("dear"), "dear").expect("it is a temporary folder");
    let short = "run --data synthetic --max-steps 4 --checkpoint kept";
    let link = |name: &str| {
        std::os::unix::fs::symlink("../dear", home.path(name)).expect("it can be linked");
    };
    link("kept/.lock");
    let done = home.laptime(short);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    let says = "--checkpoint kept: it cannot be written: it is a symbolic link";
    assert!(done.stderr.contains(says), "{}", done.stderr);
    fs::remove_file(home.path("kept/.lock")).expect("it can be removed");
    link(FILE);
    let done = home.laptime(short);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("--resume"), "{}", done.stderr);
    // One that leads nowhere is no checkpoint yet, and is replaced.
    fs::remove_file(home.path(FILE)).expect("it can be removed");
    std::os::unix::fs::symlink("../nowhere", home.path(FILE)).expect("it can be linked");
    succeeds(&home, &format!("{short} --resume"));
    assert!(home.path(FILE).is_file() && !home.path(FILE).is_symlink());
    assert!(!home.path("nowhere").exists());
    assert_eq!(
        fs::read_to_string(home.path("dear")).expect("it is there"),
        "dear"
    );
}
