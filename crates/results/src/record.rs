//! The record of one invocation: what was trained, where, and all raw times.
//!
//! A record is never changed after it is written. It names no host, no user and no path.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{BuildHasher, RandomState},
};

use laptime_measure::{Machine, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Analysis, Summary, Work, utc};

/// One invocation of `laptime run`, or what one engine did in a `laptime race`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// The format of this record.
    pub schema: SchemaName,
    /// Unique; the name of its file.
    pub id: String,
    /// When it was made: UTC, RFC 3339.
    pub created: String,
    /// Whether anything of the workload was left out, so that its times compare with none of a
    /// whole run.
    pub partial: bool,
    /// Why it is partial; null where it is not.
    pub partial_reason: Option<PartialReason>,
    /// The race that it is a part of; null where it was made by itself.
    #[serde(default)]
    pub race: Option<RaceFacts>,
    /// The suite that it is a part of; null where it was made by itself.
    #[serde(default)]
    pub suite: Option<SuiteFacts>,
    /// The program that made it.
    pub laptime: Laptime,
    /// The command line, `laptime` first, with `FILE` for every path; empty in records of format v1.
    #[serde(default)]
    pub command: Vec<String>,
    /// What was trained.
    pub workload: WorkloadFacts,
    /// On which samples.
    pub dataset: DatasetFacts,
    /// By which engine.
    pub engine: EngineFacts,
    /// Whether the engine does the same training as the oracle.
    pub gate: Gate,
    /// What it ran on.
    pub device: DeviceFacts,
    /// How the device was chosen among several; null where it was asked for, or the only one.
    #[serde(default)]
    pub device_trial: Option<DeviceTrial>,
    /// How many threads were chosen among several numbers; null where it was asked for, or clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_trial: Option<DeviceTrial>,
    /// The machine that the device is in.
    pub machine: Machine,
    /// All runs in the order in which they were made, with their raw times.
    pub runs: Vec<Run>,
    /// How long runs were to be repeated to show whether the machine keeps its speed; null where that was
    /// not asked.
    #[serde(default)]
    pub sustain_s: Option<f64>,
    /// What bounds a step, measured after the runs; null where nobody asked, or the engine cannot tell.
    #[serde(default)]
    pub analysis: Option<Analysis>,
    /// What the runs say together, derived from them.
    pub summary: Summary,
    /// What the user was warned of.
    pub warnings: Vec<String>,
    /// Why the engine could not begin, or could not go on; null where it did all that was asked.
    #[serde(default)]
    pub error: Option<String>,
}

impl Record {
    /// The samples that an epoch trains on.
    pub fn epoch_samples(&self) -> u64 {
        let samples = self.dataset.train_samples;
        match self.workload.drop_last {
            true => samples - samples % self.workload.batch_size.max(1),
            false => samples,
        }
    }
}

impl Work {
    /// That of a record.
    pub fn of(record: &Record) -> Self {
        let workload = &record.workload;
        let samples = record.epoch_samples();
        Self {
            model_flops_per_sample: workload.model_flops_per_step as f64
                / workload.batch_size as f64,
            training_samples: workload.epochs.saturating_mul(samples),
            batch_size: workload.batch_size,
            threads: record.device.threads.unwrap_or(1) as usize,
        }
    }
}

/// The formats of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum SchemaName {
    /// The first, which had loss and accuracy as members of their own, and is still read.
    #[serde(rename = "laptime.record.v1")]
    V1,
    /// The present one: metrics are a list.
    #[default]
    #[serde(rename = "laptime.record.v2")]
    V2,
}

impl SchemaName {
    /// All that this laptime reads.
    pub const ALL: &[Self] = &[Self::V1, Self::V2];
}

/// Why a record is partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PartialReason {
    /// `--max-steps` cut the training short.
    MaxSteps,
    /// The score of `--until` was reached before the last epoch.
    Goal,
    /// `--no-test` left the test out.
    NoTest,
    /// The user, or the system, interrupted it.
    Interrupted,
    /// The engine failed; `error` says why.
    Failed,
}

/// The race that a record is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RaceFacts {
    /// The same in all records of the race, and in no other.
    pub id: String,
    /// The rounds that were begun. In each, every engine made one run: runs at the same place are of
    /// the same round, so that they may be compared in pairs.
    pub rounds: u64,
}

/// The suite that a record is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteFacts {
    /// The same in all records of the suite, and in no other.
    pub id: String,
    /// Its list of workloads: `suite-1`.
    pub version: String,
}

/// The program that made a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Laptime {
    /// Its version.
    pub version: String,
    /// The commit that it was built from; null where it was not built from a repository.
    pub commit: Option<String>,
}

/// What was trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkloadFacts {
    /// Its name.
    pub name: String,
    /// Whether it is built in; otherwise it came from a user's file, and its name says nothing.
    pub built_in: bool,
    /// `sha256:` and the digest of all its resolved values but the seed: two records with the same
    /// digest are of the same training.
    pub digest: String,
    /// Passes over the training samples.
    pub epochs: u64,
    /// Samples a step.
    pub batch_size: u64,
    /// Samples of a step that went through the net at once, whose gradients were added up; null where all did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_batch_size: Option<u64>,
    /// Whether a last step of fewer samples is left out of each epoch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drop_last: bool,
    /// The arithmetic of the products.
    pub precision: String,
    /// What the command line changed in the spec.
    pub overrides: Vec<String>,
    /// Trained values.
    pub parameters: u64,
    /// Products of a step as the literature counts them, 2 a multiply-add.
    pub model_flops_per_step: u64,
    /// What of them the engine really executes; null where it does not say.
    pub executed_flops_per_step: Option<u64>,
}

/// The samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetFacts {
    /// Its name.
    pub name: String,
    /// Where the samples came from.
    pub source: DatasetSource,
    /// The digest of the files, or of the samples where they were made up.
    pub sha256: String,
    /// Samples to train on.
    pub train_samples: u64,
    /// Samples to test on.
    pub test_samples: u64,
    /// What a sample is: an image, a row, or a window of a text.
    #[serde(default = "image")]
    pub sample_unit: String,
}

fn image() -> String {
    "image".into()
}

/// Where samples came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DatasetSource {
    /// The official files, their sums right.
    Official,
    /// Well-formed files that are not the official ones.
    Unverified,
    /// The built-in generator.
    Synthetic,
    /// Files of the user's own, which a spec names.
    Own,
}

impl DatasetSource {
    /// As it is written in a record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Unverified => "unverified",
            Self::Synthetic => "synthetic",
            Self::Own => "own",
        }
    }

    /// What is to be said beside a result, in a few words; nothing of official samples.
    pub fn remark(self) -> Option<&'static str> {
        match self {
            Self::Official => None,
            Self::Unverified | Self::Synthetic => Some("not the official data"),
            Self::Own => Some("data of one's own"),
        }
    }

    /// What is to be said wherever a result on such samples of a dataset is shown; `None` for the official
    /// ones.
    pub fn caution(self, dataset: &str) -> Option<String> {
        match self {
            Self::Official | Self::Own => None,
            Self::Unverified => Some(format!(
                "UNOFFICIAL DATA: these files have the format of {dataset}, but are not the official \
                 ones. The times are real; the accuracy may differ."
            )),
            Self::Synthetic => Some(format!(
                "SYNTHETIC DATA: these samples were made up; they are not {dataset}. The times are \
                 real; the accuracy says nothing about {dataset}."
            )),
        }
    }
}

/// The engine that trained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EngineFacts {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What else it says of how it ran: modes, the variant taken, the device by its own name.
    #[serde(default)]
    pub details: BTreeMap<String, String>,
}

/// The word of the equivalence gate, without which no time is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// The word itself.
    pub verdict: GateVerdict,
    /// Over how many steps, where the oracle's time did not allow all of them, or the training diverges.
    pub steps: Option<u64>,
    /// The gate's step, counted from 1, in which the training diverges by the oracle's word; null where
    /// it does not.
    #[serde(default)]
    pub diverges_at: Option<u64>,
    /// Whether the engine was given the oracle's dropout masks in the gate, while what is timed draws
    /// masks of its own, of which rate and scale were checked.
    #[serde(default)]
    pub own_dropout: bool,
    /// What differs, where it failed.
    pub what: Option<String>,
    /// What the gate took, outside all totals; nearly 0 where the verdict was remembered.
    pub gate_s: f64,
    /// Whether the verdict is that of an earlier invocation for the same Program, engine, build
    /// and device.
    pub remembered: bool,
}

/// The gate's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GateVerdict {
    /// The same training as the oracle's.
    Verified,
    /// The same over fewer steps than the gate asks for.
    VerifiedSteps,
    /// Another training.
    Failed,
    /// The engine failed before the gate could say a word; then there are no runs either.
    NotAsked,
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.verdict {
            GateVerdict::Failed => {
                return write!(f, "failed: {}", self.what.as_deref().unwrap_or("no reason"));
            }
            GateVerdict::NotAsked => return f.write_str("not asked"),
            GateVerdict::Verified | GateVerdict::VerifiedSteps => {}
        }
        let counted = match self.steps.unwrap_or_default() {
            1 => "1 step".to_owned(),
            steps => format!("{steps} steps"),
        };
        let over = match (self.verdict, self.diverges_at) {
            (_, Some(1)) => Some("diverges in the first step".to_owned()),
            (_, Some(_)) => Some(format!("{counted}, then it diverges")),
            (GateVerdict::Verified, None) => None,
            (_, None) => Some(counted),
        };
        let dropout = self
            .own_dropout
            .then(|| "dropout by its own masks".to_owned());
        let notes: Vec<String> = [over, dropout].into_iter().flatten().collect();
        match notes.as_slice() {
            [] => f.write_str("verified"),
            notes => write!(f, "verified ({})", notes.join("; ")),
        }
    }
}

/// What a session ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceFacts {
    /// CPU or GPU.
    pub kind: DeviceKind,
    /// Its maker's name for it; empty where the engine failed before it had one.
    pub name: String,
    /// Threads, of a CPU.
    pub threads: Option<u64>,
    /// Processes that train together, each on a part of the batch.
    #[serde(default = "one")]
    pub ranks: u64,
    /// The instruction set whose kernels ran, of a CPU.
    pub isa: Option<String>,
    /// The driver and its version, of a GPU.
    pub driver: Option<String>,
    /// Whether it is a GPU in name only, emulated by the CPU.
    pub software: bool,
    /// Kernels that a training step gave to a GPU; null where the engine does not say.
    #[serde(default)]
    pub dispatches_per_step: Option<u64>,
    /// What a training step took by the GPU's own clock, the mean of the last epoch; null where it
    /// has none.
    #[serde(default)]
    pub device_step_s: Option<f64>,
}

fn one() -> u64 {
    1
}

/// How one of several devices, or numbers of threads of a processor, was chosen: each did some steps of the
/// training on made-up samples, and the fastest was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceTrial {
    /// What the choice took, outside all totals; nearly 0 where it was remembered.
    pub trial_s: f64,
    /// Whether the times are those of an earlier invocation with the same candidates.
    pub remembered: bool,
    /// Who was tried.
    pub candidates: Vec<Candidate>,
}

/// A device that was tried, with so many threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// The device.
    pub device: DeviceFacts,
    /// Seconds a step; null where it failed.
    pub step_s: Option<f64>,
    /// Why it failed; null where it did not.
    pub error: Option<String>,
}

/// The kinds of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// Processor cores.
    Cpu,
    /// A graphics card or its like.
    Gpu,
}

/// A new record's id and the time it was made: `20261123T184200Z-1a2b3c`. Ids sort by time; the
/// random end keeps two invocations of the same second apart.
pub fn new_id() -> (String, String) {
    let created = utc::now();
    // The standard library seeds its hashers from the system's randomness.
    let random = RandomState::new().hash_one(std::process::id()) & 0xff_ffff;
    let compact: String = created.chars().filter(|c| !"-:".contains(*c)).collect();
    (format!("{compact}-{random:06x}"), created)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_sort_by_time() {
        let (first, created) = new_id();
        assert_ne!(first, new_id().0);
        assert_eq!(first.len(), "20261123T184200Z-1a2b3c".len());
        assert!(first.starts_with(&created[..4]), "{first} {created}");
        assert!(
            first.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
            "{first}"
        );
    }

    #[test]
    fn the_gates_words_are_the_designs() {
        let gate = |verdict, steps, what: Option<&str>| Gate {
            verdict,
            steps,
            diverges_at: None,
            own_dropout: false,
            what: what.map(str::to_owned),
            gate_s: 0.0,
            remembered: false,
        };
        let table = [
            (gate(GateVerdict::Verified, None, None), "verified"),
            (
                gate(GateVerdict::VerifiedSteps, Some(3), None),
                "verified (3 steps)",
            ),
            (
                gate(GateVerdict::VerifiedSteps, Some(1), None),
                "verified (1 step)",
            ),
            (
                gate(GateVerdict::Failed, None, Some("loss")),
                "failed: loss",
            ),
            (gate(GateVerdict::NotAsked, None, None), "not asked"),
            (
                Gate {
                    diverges_at: Some(8),
                    ..gate(GateVerdict::VerifiedSteps, Some(7), None)
                },
                "verified (7 steps, then it diverges)",
            ),
            (
                Gate {
                    diverges_at: Some(1),
                    ..gate(GateVerdict::VerifiedSteps, Some(0), None)
                },
                "verified (diverges in the first step)",
            ),
            (
                Gate {
                    own_dropout: true,
                    ..gate(GateVerdict::Verified, None, None)
                },
                "verified (dropout by its own masks)",
            ),
            (
                Gate {
                    own_dropout: true,
                    ..gate(GateVerdict::VerifiedSteps, Some(3), None)
                },
                "verified (3 steps; dropout by its own masks)",
            ),
        ];
        for (gate, word) in table {
            assert_eq!(gate.to_string(), word);
        }
    }
}
