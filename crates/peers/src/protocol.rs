//! The line protocol between laptime and a peer: one JSON object a line, commands to its standard
//! input, events from a descriptor that was its standard output (`adapters/main.py`).
//!
//! A peer says `hello` when its framework is imported, then does one command after another. Paths
//! lead to files in the peer's folder; orders of samples are little-endian `u32`, logits `f32`,
//! states safetensors (see [`crate::exchange`]).
//!
//! | command | event that ends it |
//! |---|---|
//! | `variants` | `variants` |
//! | `compile` | `ready` |
//! | `train` | `epoch`; before it `step` now and then |
//! | `evaluate` | `result` |
//! | `logits`, `state`, `set_state`, `own_dropout`, `use_program_masks` | `done` |
//! | `trace_f64` | `trace` |
//! | `stop` | none: the training that goes on ends behind its step |
//!
//! A program of the user's own speaks it too (`docs/engine-protocol.md`), but for `variants`: it trains in one
//! way. Its `hello` says which version it speaks.
//!
//! Whatever goes wrong is an `error`, and the peer ends. It also ends when its input does.

use std::{collections::BTreeMap, path::Path};

use laptime_engine::{DeviceKind, Score};
use serde::{Deserialize, Serialize};

/// The version of the protocol. It changes when a program that follows `docs/engine-protocol.md` would not be
/// understood any more, or would not understand; new fields of events and commands are none.
pub const VERSION: u32 = 1;

/// What a peer is to do.
#[derive(Debug, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum Command<'a> {
    /// Tell which ways there are to train the job of this folder on this device.
    Variants {
        folder: &'a Path,
        device: &'a DeviceReport,
    },
    /// Make the job of this folder ready on this device, to be trained in this way.
    Compile {
        folder: &'a Path,
        device: &'a DeviceReport,
        /// Programs know but one.
        #[serde(skip_serializing_if = "str::is_empty")]
        variant: &'a str,
    },
    /// Train on the samples in this file, in that order.
    Train { order: &'a Path },
    /// Score all test samples.
    Evaluate,
    /// Write the logits of these test samples.
    Logits { samples: &'a Path, to: &'a Path },
    /// Write the state.
    State { to: &'a Path },
    /// Continue from this state.
    SetState { state: &'a Path },
    /// Train in float64 and write the state behind the last step.
    TraceF64 {
        state: &'a Path,
        order: &'a Path,
        to: &'a Path,
    },
    /// Write what the dropout that is timed makes of so many rows of ones, in this step (from 1).
    OwnDropout {
        /// The layer's place in the workload.
        layer: usize,
        step: u64,
        rows: usize,
        columns: usize,
        to: &'a Path,
    },
    /// From now on, drop what the Program drops.
    UseProgramMasks,
    /// End the training behind the step it is in.
    Stop,
    /// What no version has: a program must say so.
    Nonsense,
}

/// What a peer says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    Hello {
        /// Programs say it; adapters are a part of this one.
        protocol: Option<u32>,
        /// What a program calls itself.
        name: Option<String>,
        /// A program's own version.
        version: Option<String>,
        #[serde(default)]
        versions: BTreeMap<String, String>,
        devices: Vec<DeviceReport>,
    },
    Variants {
        names: Vec<String>,
    },
    Ready {
        prepare_s: f64,
        #[serde(default)]
        details: BTreeMap<String, String>,
    },
    Step(ScoreReport),
    Epoch {
        #[serde(flatten)]
        score: ScoreReport,
        step_s: Option<Vec<f32>>,
        peak_memory_bytes: Option<u64>,
    },
    Result {
        #[serde(flatten)]
        score: ScoreReport,
        peak_memory_bytes: Option<u64>,
    },
    Done,
    Trace {
        losses: Vec<Option<f64>>,
    },
    Error {
        message: String,
        #[serde(default)]
        is_unsupported: bool,
    },
}

/// A device as the framework reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DeviceReport {
    pub(crate) kind: KindReport,
    pub(crate) name: String,
    pub(crate) driver: Option<String>,
    /// Its place among those that the framework named: laptime's to say.
    #[serde(default, skip_deserializing)]
    pub(crate) index: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KindReport {
    Cpu,
    Gpu,
}

impl From<KindReport> for DeviceKind {
    fn from(kind: KindReport) -> Self {
        match kind {
            KindReport::Cpu => Self::Cpu,
            KindReport::Gpu => Self::Gpu,
        }
    }
}

impl From<DeviceKind> for KindReport {
    fn from(kind: DeviceKind) -> Self {
        match kind {
            DeviceKind::Cpu => Self::Cpu,
            DeviceKind::Gpu => Self::Gpu,
        }
    }
}

/// A score, of all that the command has done by then. JSON has no word for a sum of losses that is not
/// finite: it comes as null, and is read as NaN. The `step` events before and after show when that began.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(crate) struct ScoreReport {
    pub(crate) samples: u64,
    pub(crate) loss_sum: Option<f64>,
    /// 0 where the loss knows no classes.
    #[serde(default)]
    pub(crate) correct: u64,
}

impl From<ScoreReport> for Score {
    fn from(report: ScoreReport) -> Self {
        Self {
            samples: report.samples,
            sums: [report.loss_sum.unwrap_or(f64::NAN), report.correct as f64],
        }
    }
}
