//! Makes a record of what an engine did.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr};

use laptime_engine::{Device, DeviceKind, Engine, StepCosts, gate};
use laptime_measure::Run;
use laptime_results as results;
use laptime_results::{
    DatasetFacts, DatasetSource, DeviceFacts, EngineFacts, Gate, GateVerdict, Laptime,
    PartialReason, Record, SchemaName, Store, Summary, WorkloadFacts, new_id,
};
use laptime_workload::{
    Workload,
    dataset::{DataSource, Dataset},
    directories::data_dir,
    hexadecimal,
};
use sha2::{Digest, Sha256};

use crate::{
    anonymous::anonymous,
    options::{EngineChoice, WorkloadChoice},
};

/// The gate's verdict and what it took.
pub struct GateReport {
    /// The word.
    pub verdict: gate::Verdict,
    /// Whether it was given in an earlier invocation.
    pub remembered: bool,
    /// Seconds.
    pub gate_s: f64,
}

/// All that the runs left behind.
#[derive(Clone)]
pub struct Outcome {
    /// The runs, in order.
    pub runs: Vec<Run>,
    /// What they really ran on.
    pub device: Device,
    /// What else the engine says of how they ran.
    pub details: BTreeMap<String, String>,
    /// What a step costs.
    pub costs: StepCosts,
    /// Why something was left out, if something was.
    pub partial: Option<PartialReason>,
    /// What the user was warned of.
    pub warnings: Vec<String>,
    /// Why the engine could not begin or go on, if it could not.
    pub error: Option<String>,
}

/// The record of an invocation.
pub fn record(
    choice: &WorkloadChoice,
    engine: &EngineChoice,
    dataset: &Dataset,
    gate: Option<&GateReport>,
    outcome: Outcome,
) -> Record {
    let workload = &choice.workload;
    let (id, created) = new_id();
    let mut details = outcome.details;
    let mut device = device_facts(&outcome.device);
    device.dispatches_per_step = number(&mut details, "dispatches_per_step");
    device.device_step_s = number(&mut details, "device_step_s");
    let flops_per_sample = outcome.costs.model_flops as f64 / workload.batch_size as f64;
    Record {
        schema: SchemaName::V1,
        id,
        created,
        partial: outcome.partial.is_some(),
        partial_reason: outcome.partial,
        laptime: Laptime {
            version: env!("CARGO_PKG_VERSION").into(),
            commit: option_env!("LAPTIME_COMMIT").map(Into::into),
        },
        workload: WorkloadFacts {
            name: workload.name.clone(),
            built_in: choice.built_in,
            digest: digest(workload),
            epochs: workload.epochs as u64,
            batch_size: workload.batch_size as u64,
            precision: workload.precision.to_string(),
            overrides: workload.overrides.clone(),
            parameters: outcome.costs.parameters,
            model_flops_per_step: outcome.costs.model_flops,
            executed_flops_per_step: outcome.costs.executed_flops,
        },
        dataset: DatasetFacts {
            name: dataset.name.to_string(),
            source: match dataset.source {
                DataSource::Official => DatasetSource::Official,
                DataSource::Unverified => DatasetSource::Unverified,
                DataSource::Synthetic => DatasetSource::Synthetic,
            },
            sha256: dataset.sha256.clone(),
            train_samples: dataset.train.count() as u64,
            test_samples: dataset.test.count() as u64,
        },
        engine: EngineFacts {
            name: engine.engine.name().into(),
            version: engine.engine.version(),
            details: details
                .into_iter()
                .map(|(name, value)| (name, anonymous(&value)))
                .collect(),
        },
        gate: gate_facts(gate),
        device,
        device_trial: engine.trial.clone(),
        machine: engine.machine.clone(),
        summary: Summary::of(&outcome.runs, flops_per_sample),
        runs: outcome.runs,
        warnings: outcome
            .warnings
            .iter()
            .map(|text| anonymous(text))
            .collect(),
        error: outcome.error.as_deref().map(anonymous),
    }
}

/// The digest of all that decides what is computed. The seed only decides from where.
pub fn digest(workload: &Workload) -> String {
    let bare = Workload {
        seed: 0,
        overrides: Vec::new(),
        ..workload.clone()
    };
    let text = serde_json::to_vec(&bare).expect("a workload has only strings for keys");
    format!("sha256:{}", hexadecimal(&Sha256::digest(text)))
}

/// Keeps a record; gives the path of its file, or why there is none.
pub fn store(record: &Record) -> Result<PathBuf, String> {
    let folder = data_dir().map_err(|error| format!("the record could not be stored: {error}"))?;
    let stored = Store::below(&folder).save(record);
    stored.map_err(|error| error.to_string())
}

/// The same seed must give the same losses, bit for bit, with an engine that promises this; where
/// it does not, the times are of trainings that differ.
pub fn differing_losses(engine: &dyn Engine, runs: &[Run]) -> Option<String> {
    if !engine.repeats_exactly() {
        return None;
    }
    let losses = |run: &Run| -> Vec<u64> {
        run.epochs
            .iter()
            .map(|epoch| epoch.loss.to_bits())
            .collect()
    };
    let mut whole = runs.iter().filter(|run| run.test.is_some());
    let first = losses(whole.next()?);
    let other = whole.find(|run| losses(run) != first)?;
    Some(format!(
        "runs from the same seed gave different losses: {:?} and {:?}",
        runs[0].epochs.last()?.loss,
        other.epochs.last()?.loss
    ))
}

fn gate_facts(gate: Option<&GateReport>) -> Gate {
    let Some(gate) = gate else {
        return Gate {
            verdict: GateVerdict::NotAsked,
            steps: None,
            what: None,
            gate_s: 0.0,
            remembered: false,
        };
    };
    let (verdict, steps, what) = match &gate.verdict {
        gate::Verdict::Verified { steps } => {
            let whole = *steps >= gate::STEPS;
            let verdict = if whole {
                GateVerdict::Verified
            } else {
                GateVerdict::VerifiedSteps
            };
            (verdict, Some(*steps as u64), None)
        }
        gate::Verdict::Failed { what } => (GateVerdict::Failed, None, Some(what.clone())),
    };
    Gate {
        verdict,
        steps,
        what,
        gate_s: gate.gate_s,
        remembered: gate.remembered,
    }
}

/// Takes a detail out that is a number.
fn number<T: FromStr>(details: &mut BTreeMap<String, String>, name: &str) -> Option<T> {
    details.remove(name)?.parse().ok()
}

/// A device, as records describe it.
pub fn device_facts(device: &Device) -> DeviceFacts {
    DeviceFacts {
        kind: match device.kind {
            DeviceKind::Cpu => results::DeviceKind::Cpu,
            DeviceKind::Gpu => results::DeviceKind::Gpu,
        },
        name: device.name.clone(),
        threads: device.threads.map(|threads| threads as u64),
        isa: device.isa.clone(),
        driver: device.driver.clone(),
        software: device.software,
        dispatches_per_step: None,
        device_step_s: None,
    }
}
