//! `--tensorboard`: event files of a run and of all records, and, where `LAPTIME_TEST_TENSORBOARD` names a Python
//! that has TensorBoard (as `.ci/tools` does), what TensorBoard's own reader finds in them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{self, Home};

const READER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/end_to_end/support/read_tensorboard.py"
);

/// All event files below a folder.
fn event_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("it can be listed").path();
        match path.is_dir() {
            true => files.extend(event_files(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}

/// The data of the records of a file, whose lengths must come out even.
fn frames(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut frames, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().expect("eight bytes")) as usize;
        frames.push(&rest[12..12 + length]);
        rest = &rest[16 + length..];
    }
    frames
}

/// What TensorBoard makes of the folder; nothing where there is none to ask.
fn as_tensorboard_reads(folder: &Path) -> Option<serde_json::Value> {
    let python = std::env::var_os("LAPTIME_TEST_TENSORBOARD")?;
    let read = Command::new(python).arg(READER).arg(folder).output();
    let read = read.expect("LAPTIME_TEST_TENSORBOARD is a Python");
    let said = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "{said}");
    Some(serde_json::from_slice(&read.stdout).expect("the reader writes JSON"))
}

#[test]
fn every_run_has_curves_steps_and_parameters() {
    let home = Home::new();
    let done =
        home.laptime("run --data synthetic --device cpu --epochs 3 --runs 2 --tensorboard tb/new");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let files = event_files(&home.path("tb/new"));
    // The cold run and the two that count.
    assert_eq!(files.len(), 3, "{files:?}");
    for file in &files {
        let bytes = fs::read(file).expect("it is there");
        let frames = frames(&bytes);
        let has = |words: &[u8]| {
            let mut frames = frames.iter();
            frames.any(|frame| frame.windows(words.len()).any(|it| it == words))
        };
        for words in ["brain.Event:2", "train/loss", "test/accuracy", "hparams"] {
            assert!(has(words.as_bytes()), "{words}");
        }
    }
    let Some(read) = as_tensorboard_reads(&home.path("tb/new")) else {
        return;
    };
    let runs = read.as_object().expect("the reader gives an object");
    assert_eq!(runs.len(), 3, "{read}");
    for (name, run) in runs {
        assert_eq!(
            run["train/loss"].as_array().map(Vec::len),
            Some(3),
            "{name}: {run}"
        );
        assert_eq!(run["train/loss"][2]["step"], 5625, "{run}");
        assert_eq!(
            run["time/total_s"].as_array().map(Vec::len),
            Some(1),
            "{run}"
        );
        assert_eq!(run["histograms"]["time/step_s"], 3, "{run}");
        assert_eq!(run["hparams"]["batch_size"], 32.0, "{run}");
        assert_eq!(run["hparams"]["workload"], "fashion-mnist", "{run}");
        assert_eq!(run["status"], 1, "{run}");
    }
}

#[test]
fn all_stored_records_can_be_exported() {
    let home = Home::new();
    for _ in 0..2 {
        let done = home.laptime(support::SHORT);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
    }
    let done = home.laptime("records export --tensorboard tb");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(event_files(&home.path("tb")).len(), 2);
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_the_work() {
    let home = Home::new();
    fs::write(home.path("file"), "").expect("it is a temporary folder");
    let done = home.laptime("run --data synthetic --tensorboard file/tb");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(
        done.stderr
            .contains("--tensorboard file/tb: it cannot be written"),
        "{}",
        done.stderr
    );
    assert!(home.records().is_empty());
    let done = home.laptime("run --data synthetic --tensorboard data/laptime/records");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(
        !home.path("data").exists(),
        "nothing is made where nothing may be written"
    );
}
