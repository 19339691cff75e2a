//! Steps of several batch sizes, and what they say of overhead and throughput apart.
//!
//! A step takes `overhead + samples · time a sample`: where the overhead is most of it, a faster machine
//! gains little, and the order of two machines may turn with the batch size.

mod axis;
mod crossing;
pub mod published;

use laptime_measure::{
    Machine,
    statistics::{Line, fit_line, median, median_interval_95},
    telemetry::{Condition, Telemetry, judge},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    DatasetFacts, DeviceFacts, EngineFacts, Gate, GateVerdict, Laptime, json_text::indented,
};

pub use axis::Axis;
pub use crossing::{Crossing, Lead, Meeting, crossing};

/// What a sweep has at most: resampling takes time for each of them.
const MOST_POINTS: usize = 64;
/// As above.
pub const MOST_ROUNDS: usize = 1000;
/// A batch is smaller than that.
const MOST_SAMPLES: u64 = 1 << 32;

/// What `laptime sweep` has measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sweep {
    /// The format.
    pub schema: SweepSchema,
    /// Unique.
    pub id: String,
    /// When it was made: UTC, RFC 3339.
    pub created: String,
    /// The program that made it.
    pub laptime: Laptime,
    /// What differs from point to point.
    #[serde(default)]
    pub axis: Axis,
    /// The name of the workload.
    pub workload: String,
    /// Whether that is the built-in workload of this name; earlier builds did not say so.
    #[serde(default)]
    pub built_in: bool,
    /// The arithmetic of the products.
    pub precision: String,
    /// On which samples.
    pub dataset: DatasetFacts,
    /// By which engine.
    pub engine: EngineFacts,
    /// What it ran on.
    pub device: DeviceFacts,
    /// The machine that the device is in.
    pub machine: Machine,
    /// The points, ascending in what differs.
    pub points: Vec<Point>,
    /// What the machine did meanwhile; null where nobody looked.
    pub telemetry: Option<Telemetry>,
}

/// The formats of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum SweepSchema {
    /// The first.
    #[default]
    #[serde(rename = "laptime.sweep.v1")]
    V1,
}

/// One batch size, width or number of threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Samples a step.
    pub batch_size: u64,
    /// How many times the units that the workload's dense layers have.
    #[serde(default = "one")]
    pub width: u64,
    /// Threads, where the sweep is one of threads; else those of the device.
    #[serde(default)]
    pub threads: Option<u64>,
    /// The digest of the workload with this batch size.
    pub digest: String,
    /// Whether the engine does the same training as the oracle.
    pub gate: Gate,
    /// Products of a step as the literature counts them, 2 a multiply-add.
    pub model_flops_per_step: u64,
    /// Steps that were timed together, in each round.
    pub steps_per_round: u64,
    /// The mean step of each round. Values at one place are of one round.
    pub step_s: Vec<f64>,
}

fn one() -> u64 {
    1
}

impl Point {
    /// The median step.
    pub fn median_s(&self) -> f64 {
        median(&self.step_s).unwrap_or(f64::NAN)
    }

    /// Its 95 % interval; `None` with few rounds.
    pub fn ci95_s(&self) -> Option<[f64; 2]> {
        median_interval_95(&self.step_s)
    }

    /// Training throughput.
    pub fn samples_per_s(&self) -> f64 {
        self.batch_size as f64 / self.median_s()
    }
}

impl Sweep {
    /// The line of a step's time: what stays, and what each unit of the axis takes; `None` with fewer than two
    /// points, or no complete round.
    pub fn line(&self) -> Option<Line> {
        let sizes: Vec<f64> = self.points.iter().map(|it| self.axis.x(it)).collect();
        let rounds = self.points.iter().map(|it| it.step_s.len()).min()?;
        let round = |number: usize| self.points.iter().map(|it| it.step_s[number]).collect();
        let rounds: Vec<Vec<f64>> = (0..rounds).map(round).collect();
        fit_line(&sizes, &rounds)
    }

    /// In what condition the machine was; `None` where nobody looked.
    pub fn condition(&self) -> Option<Condition> {
        let threads = self.device.threads.unwrap_or(1) as usize;
        self.telemetry.as_ref().map(|it| judge(it, threads))
    }

    /// Whether each of the batch sizes is the oracle's training.
    pub fn is_verified(&self) -> bool {
        self.points.iter().all(|point| {
            matches!(
                point.gate.verdict,
                GateVerdict::Verified | GateVerdict::VerifiedSteps
            )
        })
    }

    /// What cannot be true of a sweep that was measured, in words.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.points.is_empty() {
            faults.push("it has no points".to_owned());
        }
        let value = |point: &Point| self.axis.value(point);
        if !self.points.is_sorted_by(|a, b| value(a) < value(b))
            || self.points.iter().any(|it| value(it) == 0)
        {
            faults.push(format!(
                "the {} of its points does not ascend",
                self.axis.name()
            ));
        }
        if self.points.len() > MOST_POINTS
            || self.points.iter().any(|it| it.step_s.len() > MOST_ROUNDS)
        {
            faults.push(format!(
                "it has more than {MOST_POINTS} points or {MOST_ROUNDS} rounds"
            ));
        }
        if self.points.iter().any(|it| it.batch_size > MOST_SAMPLES) {
            faults.push("it has a batch size that no machine has room for".to_owned());
        }
        let is_time = |time: &f64| time.is_finite() && *time > 0.0 && *time < 1e9;
        for point in &self.points {
            let size = point.batch_size;
            if point.batch_size == 0 || point.step_s.is_empty() || !point.step_s.iter().all(is_time)
            {
                faults.push(format!("batch size {size} has no times that can be"));
            }
        }
        faults
    }
}

/// A sweep's JSON, with a line's end. What others published of the same net stands behind it as `references`, which
/// nobody reads back: they follow from the rest.
pub fn json(sweep: &Sweep) -> String {
    #[derive(Serialize)]
    struct File<'a> {
        #[serde(flatten)]
        sweep: &'a Sweep,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        references: Vec<published::References>,
    }
    let references = published::beside(&[sweep]);
    indented(&File { sweep, references })
}

const NAME: &[u8] = b"\"laptime.sweep.";

/// The sweep in a file's text, if it is one: `None` where it is something else, and why it is refused
/// where it is one that cannot be.
pub fn read(text: &[u8]) -> Option<Result<Sweep, String>> {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    // Of one that is cut off or has a wrong value, the name of its format stands at its beginning.
    let begins = text.trim_ascii_start();
    let begins = &begins[..begins.len().min(60)];
    let is_named = begins.windows(NAME.len()).any(|part| part == NAME);
    let head: Option<Head> = serde_json::from_slice(text).ok();
    let is_sweep = head.is_some_and(|head| head.schema.starts_with("laptime.sweep."));
    if !is_sweep && !is_named {
        return None;
    }
    let sweep: Result<Sweep, _> = serde_json::from_slice(text);
    Some(match sweep {
        Err(error) => Err(error.to_string()),
        Ok(sweep) => match sweep.faults().as_slice() {
            [] => Ok(sweep),
            faults => Err(faults.join("; ")),
        },
    })
}
