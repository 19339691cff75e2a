//! Totals that others published for the built-in workloads, and when a record may stand beside
//! them.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{DatasetSource, GateVerdict, Record};

/// A result that somebody else measured, on another machine.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Published {
    /// The workload.
    pub workload: String,
    /// What the result is known by.
    pub name: String,
    /// The machine in full.
    pub machine: String,
    /// The framework.
    pub engine: String,
    /// When, where the source says so.
    pub year: Option<u16>,
    /// Training and testing, one run.
    pub total_s: f64,
    /// Where it was published.
    pub source: String,
}

/// A published result beside a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The published result.
    pub published: &'static Published,
    /// How many times its speed the record has.
    pub speed_ratio: f64,
}

static RESULTS: LazyLock<Vec<Published>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct File {
        result: Vec<Published>,
    }
    let file: File =
        toml::from_str(include_str!("../published.toml")).expect("a test reads the embedded file");
    file.result
});

/// All published results.
pub fn results() -> &'static [Published] {
    &RESULTS
}

/// The results that a name means: those of exactly this name, or else those in whose name, machine and
/// workload all its words are. "M1 Mac Mini" means what is called "Apple M1".
pub fn named(name: &str) -> Vec<&'static Published> {
    let exact = |it: &&Published| it.name.eq_ignore_ascii_case(name.trim());
    let found: Vec<&Published> = results().iter().filter(exact).collect();
    let wanted = words(name);
    if !found.is_empty() || wanted.is_empty() {
        return found;
    }
    let has_all = |it: &&Published| {
        let has = words(&format!("{} {} {}", it.name, it.machine, it.workload));
        wanted.iter().all(|word| has.contains(word))
    };
    results().iter().filter(has_all).collect()
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '.');
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// The published scripts train 10 epochs of batches of 32 in single precision.
const EPOCHS: u64 = 10;
const BATCH_SIZE: u64 = 32;
const PRECISION: &str = "fp32";

/// The published results of the same training, the fastest first; none where the record is of
/// another: other samples, other settings, a part of it, or one that the gate refuses, or that
/// diverged; none of one that was resumed either, as what was lost between its parts took time too.
pub fn beside(record: &Record) -> Vec<Comparison> {
    let workload = &record.workload;
    let is_same_training = differences(record).is_empty()
        && record.gate.verdict != GateVerdict::Failed
        && record
            .runs
            .iter()
            .all(|run| run.resumed.is_empty() && !run.is_diverged())
        && !record.partial;
    if !is_same_training {
        return Vec::new();
    }
    let mut found: Vec<Comparison> = results()
        .iter()
        .filter(|published| published.workload == workload.name)
        .map(|published| Comparison {
            published,
            speed_ratio: published.total_s / record.summary.total_s.median,
        })
        .collect();
    found.sort_by(|a, b| a.published.total_s.total_cmp(&b.published.total_s));
    found
}

/// What of a record's training is another than the published scripts', whatever came of it.
pub(crate) fn differences(record: &Record) -> Vec<String> {
    let workload = &record.workload;
    let mut found = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            found.push(what);
        }
    };
    must(
        workload.built_in,
        "the workload is not a built-in one, and the published scripts' are".into(),
    );
    must(
        workload.epochs == EPOCHS,
        format!(
            "epochs: {}, and the published scripts train {EPOCHS}",
            workload.epochs
        ),
    );
    must(
        workload.batch_size == BATCH_SIZE,
        format!(
            "batch size: {}, and the published scripts take {BATCH_SIZE}",
            workload.batch_size
        ),
    );
    must(
        workload.precision == PRECISION,
        format!(
            "precision: {}, and the published scripts train in {PRECISION}",
            workload.precision
        ),
    );
    must(
        record.dataset.source == DatasetSource::Official,
        "the samples are not the official ones".into(),
    );
    found
}
