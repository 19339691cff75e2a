//! Makes a record of what an engine did.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr};

use laptime_engine::{Device, Engine, StepCosts, gate};
use laptime_measure::Run;
use laptime_results::{
    Analysis, DatasetFacts, DatasetSource, EngineFacts, Gate, GateVerdict, Laptime, PartialReason,
    Record, SchemaName, Store, Summary, Work, WorkloadFacts, new_id,
};
use laptime_workload::{
    Workload,
    dataset::{Dataset, Origin},
    directories::data_dir,
    hexadecimal,
};
use sha2::{Digest, Sha256};

use crate::{
    anonymous::anonymous, command_line::command_line, device_facts::device_facts,
    engine_choice::EngineChoice, output, workload_choice::WorkloadChoice,
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
    /// What bounds a step, where that was measured.
    pub analysis: Option<Analysis>,
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
    let source = match dataset.origin {
        Origin::Official => DatasetSource::Official,
        Origin::Unverified => DatasetSource::Unverified,
        Origin::Synthetic => DatasetSource::Synthetic,
        Origin::Own => DatasetSource::Own,
    };
    let caution = source.caution(&dataset.description.name);
    let warnings = outcome.warnings.iter().map(|text| anonymous(text));
    let work = Work {
        model_flops_per_sample: outcome.costs.model_flops as f64 / workload.batch_size as f64,
        training_samples: (workload.epochs * workload.epoch_samples(dataset.train.count())) as u64,
        batch_size: workload.batch_size as u64,
        threads: outcome.device.threads.unwrap_or(1),
    };
    Record {
        schema: SchemaName::V2,
        id,
        created,
        partial: outcome.partial.is_some(),
        partial_reason: outcome.partial,
        race: None,
        suite: None,
        laptime: Laptime {
            version: env!("CARGO_PKG_VERSION").into(),
            commit: option_env!("LAPTIME_COMMIT").map(Into::into),
        },
        command: command_line(),
        workload: WorkloadFacts {
            name: workload.name.clone(),
            built_in: choice.built_in,
            digest: digest(workload),
            epochs: workload.epochs as u64,
            batch_size: workload.batch_size as u64,
            micro_batch_size: workload.micro_batch_size.map(|size| size as u64),
            drop_last: workload.drop_last,
            precision: workload.precision.to_string(),
            overrides: workload.overrides.clone(),
            parameters: outcome.costs.parameters,
            model_flops_per_step: outcome.costs.model_flops,
            executed_flops_per_step: outcome.costs.executed_flops,
        },
        dataset: DatasetFacts {
            name: dataset.description.name.clone(),
            source,
            sha256: dataset.sha256.clone(),
            train_samples: dataset.train.count() as u64,
            test_samples: dataset.test.count() as u64,
            sample_unit: match dataset.description.input() {
                input if input.symbols.is_some() => "window".into(),
                input if input.shape.len() == 1 => "row".into(),
                _ => "image".into(),
            },
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
        thread_trial: engine.thread_trial.clone(),
        machine: engine.machine.clone(),
        summary: Summary::of(&outcome.runs, work, outcome.analysis.as_ref()),
        runs: outcome.runs,
        sustain_s: None,
        analysis: outcome.analysis,
        warnings: caution.into_iter().chain(warnings).collect(),
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

/// The store of records, or `None` with a warning where it cannot be written: the user is told before
/// the work begins, and can still end it.
pub fn open_store() -> Option<Store> {
    let opened = match data_dir() {
        Err(error) => Err(format!("the record cannot be stored: {error}")),
        Ok(folder) => {
            let store = Store::below(&folder);
            let checked = store.check().map_err(|error| error.to_string());
            checked.map(|()| store)
        }
    };
    opened.inspect_err(|text| output::warning(text)).ok()
}

/// Keeps a record; gives the path of its file, or why there is none.
pub fn store(to: &Store, record: &Record) -> Result<PathBuf, String> {
    to.save(record).map_err(|error| error.to_string())
}

/// The same seed must give the same losses, bit for bit, with an engine that promises this; where
/// it does not, the times are of trainings that differ.
pub fn differing_losses(engine: &dyn Engine, runs: &[Run]) -> Option<String> {
    if !engine.repeats_exactly() {
        return None;
    }
    let (epoch, one, other) = first_difference(runs)?;
    Some(format!(
        "runs from the same seed gave different losses in epoch {epoch}: {one:?} and {other:?}"
    ))
}

/// The first epoch, from 1, whose loss a whole run does not share with the first of them, and both
/// losses.
fn first_difference(runs: &[Run]) -> Option<(usize, f64, f64)> {
    let mut whole = runs.iter().filter(|run| run.is_whole());
    let first = whole.next()?;
    whole.find_map(|other| {
        let losses = first.epochs.iter().zip(&other.epochs);
        let mut losses = losses
            .map(|(one, other)| (one.metrics.loss(), other.metrics.loss()))
            .zip(1..);
        losses.find_map(|((one, other), epoch)| {
            // Whatever the bits of a NaN are, no two of them are two results.
            let is_same = one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan();
            (!is_same).then_some((epoch, one, other))
        })
    })
}

fn gate_facts(gate: Option<&GateReport>) -> Gate {
    let Some(gate) = gate else {
        return Gate {
            verdict: GateVerdict::NotAsked,
            steps: None,
            diverges_at: None,
            own_dropout: false,
            what: None,
            gate_s: 0.0,
            remembered: false,
        };
    };
    let asked = Gate {
        verdict: GateVerdict::Failed,
        steps: None,
        diverges_at: None,
        own_dropout: false,
        what: None,
        gate_s: gate.gate_s,
        remembered: gate.remembered,
    };
    match &gate.verdict {
        gate::Verdict::Verified {
            steps,
            diverges_at,
            own_dropout,
        } => Gate {
            verdict: if *steps >= gate::STEPS {
                GateVerdict::Verified
            } else {
                GateVerdict::VerifiedSteps
            },
            steps: Some(*steps as u64),
            diverges_at: diverges_at.map(|step| step as u64),
            own_dropout: *own_dropout,
            ..asked
        },
        gate::Verdict::Failed { what } => Gate {
            what: Some(what.clone()),
            ..asked
        },
    }
}

/// Takes a detail out that is a number.
fn number<T: FromStr>(details: &mut BTreeMap<String, String>, name: &str) -> Option<T> {
    details.remove(name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use laptime_measure::{Epoch, Metrics, Phases, Test};
    use laptime_workload::{Builtin, Overrides};

    use super::*;

    fn run(losses: &[f64]) -> Run {
        Run {
            seed: 1,
            wall_s: 1.0,
            total_s: 1.0,
            phases: Phases::default(),
            epochs: losses
                .iter()
                .map(|&loss| Epoch {
                    train_s: 0.1,
                    metrics: Metrics::of_classifier(loss, 0.1),
                    samples: 32,
                })
                .collect(),
            step_s: None,
            test: Some(Test {
                metrics: Metrics::of_classifier(1.0, 0.1),
            }),
            peak_memory_bytes: None,
            resumed: Vec::new(),
            diverged: None,
            cold: false,
            steady: None,
            untested: false,
            step_series: None,
            goal: None,
            telemetry: None,
        }
    }

    /// Records of earlier builds have this digest.
    #[test]
    fn what_a_spec_leaves_out_changes_no_digest() {
        let builtin = Builtin::find("fashion-mnist").expect("built in");
        let workload = builtin.spec().resolve(&Overrides::default());
        let workload = workload.expect("resolves");
        let earlier = "sha256:facca7c358b2ca2a04b454ce7c93cc96046e67080ec3db629c8c9b533a4de624";
        assert_eq!(digest(&workload), earlier);
        let smoothed = Workload {
            label_smoothing: 0.1,
            ..workload
        };
        assert_ne!(digest(&smoothed), earlier);
    }

    #[test]
    fn losses_differ_by_a_bit_and_a_nan_is_a_nan() {
        let (nan, above) = (f64::NAN, 0.5f64.next_up());
        assert_eq!(first_difference(&[]), None);
        let diverged = [run(&[0.5, nan]), run(&[0.5, -nan]), run(&[0.5, nan])];
        assert_eq!(first_difference(&diverged), None);
        let earlier = [run(&[0.5, nan]), run(&[0.5, nan]), run(&[above, nan])];
        assert_eq!(first_difference(&earlier), Some((1, 0.5, above)));
        let only_one = first_difference(&[run(&[0.5]), run(&[nan])]);
        let (epoch, one, other) = only_one.expect("only one is a number");
        assert!(epoch == 1 && one == 0.5 && other.is_nan());
        // One that was interrupted has trained less.
        let mut interrupted = run(&[0.7]);
        interrupted.test = None;
        assert_eq!(first_difference(&[interrupted, run(&[0.5])]), None);
    }
}
