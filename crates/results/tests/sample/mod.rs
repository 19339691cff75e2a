//! A record to test with.

use laptime_measure::{Divergence, Epoch, Machine, Metrics, Phases, Run, StepSeconds, Test};
use laptime_results::{
    DatasetFacts, DatasetSource, DeviceFacts, DeviceKind, EngineFacts, Gate, GateVerdict, Laptime,
    Record, SchemaName, Summary, WorkloadFacts,
};

const MODEL_FLOPS_PER_STEP: u64 = 13_074_432;

/// A verified run of the built-in workload on the official data that took `total_s`.
pub fn record(total_s: &[f64]) -> Record {
    let runs: Vec<Run> = total_s.iter().copied().map(run).collect();
    Record {
        schema: SchemaName::V2,
        id: "20261123T184200Z-1a2b3c".into(),
        created: "2026-11-23T18:42:00Z".into(),
        partial: false,
        partial_reason: None,
        race: None,
        suite: None,
        laptime: Laptime {
            version: "0.1.0".into(),
            commit: None,
        },
        command: Vec::new(),
        workload: WorkloadFacts {
            name: "fashion-mnist".into(),
            built_in: true,
            digest: "sha256:00".into(),
            epochs: 10,
            micro_batch_size: None,
            drop_last: false,
            batch_size: 32,
            precision: "fp32".into(),
            overrides: Vec::new(),
            parameters: 101_770,
            model_flops_per_step: MODEL_FLOPS_PER_STEP,
            executed_flops_per_step: Some(MODEL_FLOPS_PER_STEP),
        },
        dataset: DatasetFacts {
            name: "fashion-mnist".into(),
            source: DatasetSource::Official,
            sha256: "00".into(),
            train_samples: 60_000,
            test_samples: 10_000,
            sample_unit: "image".into(),
        },
        engine: EngineFacts {
            name: "laptime".into(),
            version: "0.1.0".into(),
            details: Default::default(),
        },
        gate: Gate {
            verdict: GateVerdict::Verified,
            steps: None,
            diverges_at: None,
            own_dropout: false,
            what: None,
            gate_s: 0.412,
            remembered: false,
        },
        device: DeviceFacts {
            kind: DeviceKind::Cpu,
            name: "AMD EPYC 9R14".into(),
            threads: Some(2),
            ranks: 1,
            isa: Some("avx512".into()),
            driver: None,
            software: false,
            dispatches_per_step: None,
            device_step_s: None,
        },
        device_trial: None,
        thread_trial: None,
        machine: Machine {
            os: "Linux (Debian 13)".into(),
            cpu: "AMD EPYC 9R14".into(),
            cores: 2,
            logical_cores: 2,
            memory_bytes: 8 << 30,
            topology: None,
        },
        sustain_s: None,
        analysis: None,
        summary: Summary::of(&runs, work(), None),
        runs,
        warnings: Vec::new(),
        error: None,
    }
}

fn run(total_s: f64) -> Run {
    let (compile_s, test_s) = (0.004, 0.041);
    let train_s = 0.97 * total_s;
    let mut phases = Phases::of_total(total_s, 0.0, compile_s, train_s, test_s);
    phases.load_s = 0.312;
    Run {
        seed: 1,
        wall_s: total_s + 0.8,
        total_s,
        phases,
        epochs: (1..=10)
            .map(|epoch| Epoch {
                train_s: train_s / 10.0,
                metrics: Metrics::of_classifier(
                    0.2 + 0.3 / f64::from(epoch),
                    0.9 - 0.1 / f64::from(epoch),
                ),
                samples: 60_000,
            })
            .collect(),
        step_s: Some(StepSeconds {
            p50: 96.1e-6,
            p95: 104e-6,
            p99: 131e-6,
        }),
        test: Some(Test {
            metrics: Metrics::of_classifier(0.3311, 0.8812),
        }),
        peak_memory_bytes: Some(89 << 20),
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

/// The same, but all its runs have lost their way at step 313 of the second epoch.
#[allow(dead_code, reason = "not every test needs it")]
pub fn diverged(total_s: &[f64]) -> Record {
    let mut record = record(total_s);
    for run in &mut record.runs {
        run.diverged = Some(Divergence {
            epoch: 2,
            step: 313,
            last_step: 313,
        });
        for (place, epoch) in run.epochs.iter_mut().enumerate().skip(1) {
            let loss = if place == 1 { f64::INFINITY } else { f64::NAN };
            epoch.metrics = Metrics::of_classifier(loss, 0.0);
        }
        run.test = Some(Test {
            metrics: Metrics::of_classifier(f64::NAN, 0.0),
        });
    }
    record
}

/// What the sample's runs did.
pub fn work() -> laptime_results::Work {
    laptime_results::Work {
        model_flops_per_sample: MODEL_FLOPS_PER_STEP as f64 / 32.0,
        training_samples: 600_000,
        batch_size: 32,
        threads: 2,
    }
}
