//! Runs of an engine that only pretends to train.

use std::{
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use laptime_engine::{
    Device, DeviceKind, Engine, EngineError, EpochReport, Job, Passes, Progress, Score, Session,
    StepCosts, gate::Trace,
};
use laptime_measure::{Measurement, Watch, measure};
use laptime_workload::{BUILTINS, Overrides, dataset::synthetic};

const STEP: Duration = Duration::from_millis(2);

/// Takes [`STEP`] a step of 32; is stopped by nobody, or by itself behind so many steps.
struct Pretender {
    stop_behind: Option<u64>,
    shows_steps: bool,
}

struct PretendedSession {
    device: Device,
    stop_behind: Option<u64>,
    shows_steps: bool,
    steps: u64,
}

impl Engine for Pretender {
    fn name(&self) -> &'static str {
        "pretender"
    }

    fn version(&self) -> String {
        "1".into()
    }

    fn devices(&self) -> Result<Vec<Device>, EngineError> {
        Ok(vec![device()])
    }

    fn compile(&self, _: &Job, device: &Device) -> Result<Box<dyn Session>, EngineError> {
        sleep(4 * STEP);
        Ok(Box::new(PretendedSession {
            device: device.clone(),
            stop_behind: self.stop_behind,
            shows_steps: self.shows_steps,
            steps: 0,
        }))
    }
}

impl Session for PretendedSession {
    fn device(&self) -> &Device {
        &self.device
    }

    fn step_costs(&self) -> StepCosts {
        StepCosts::default()
    }

    fn prepare_s(&self) -> f64 {
        STEP.as_secs_f64()
    }

    fn train(&mut self, order: &[u32], progress: &Progress) -> Result<EpochReport, EngineError> {
        let mut samples = 0;
        let mut step_s = Vec::new();
        for batch in order.chunks(32) {
            if self.stop_behind == Some(self.steps) {
                progress.stop();
            }
            if progress.is_stopped() {
                break;
            }
            sleep(STEP);
            self.steps += 1;
            samples += batch.len() as u64;
            step_s.push(STEP.as_secs_f32());
        }
        Ok(EpochReport {
            score: Score {
                samples,
                loss_sum: samples as f64 * 0.5,
                correct: samples / 2,
            },
            step_s: self.shows_steps.then_some(step_s),
        })
    }

    fn evaluate(&mut self, _: &Progress) -> Result<Score, EngineError> {
        sleep(2 * STEP);
        Ok(Score {
            samples: 40,
            loss_sum: 10.0,
            correct: 30,
        })
    }

    fn logits(&mut self, _: &[u32]) -> Result<Vec<f32>, EngineError> {
        Err(EngineError::Unsupported("only pretends".into()))
    }

    fn state(&mut self) -> Result<laptime_graph::State, EngineError> {
        Err(EngineError::Unsupported("only pretends".into()))
    }

    fn trace_f64(&mut self, _: &laptime_graph::State, _: &[u32]) -> Result<Trace, EngineError> {
        Err(EngineError::Unsupported("only pretends".into()))
    }

    fn set_state(&mut self, _: &laptime_graph::State) -> Result<(), EngineError> {
        Err(EngineError::Unsupported("only pretends".into()))
    }
}

fn device() -> Device {
    Device {
        kind: DeviceKind::Cpu,
        name: "pretended".into(),
        threads: Some(1),
        isa: None,
        driver: None,
        software: false,
    }
}

/// 100 training samples, so 4 steps an epoch, the last with 4 samples.
fn run(engine: &Pretender, epochs: u64, max_steps: Option<u64>) -> Measurement {
    let overrides = Overrides {
        epochs: Some(epochs),
        ..Overrides::default()
    };
    let workload = BUILTINS[0]
        .spec()
        .resolve(&overrides)
        .expect("it is built in");
    let job = Job {
        dataset: Arc::new(synthetic(workload.dataset, 100, 40)),
        workload: Arc::new(workload),
        threads: 1,
        passes: Passes::All,
        profile: false,
    };
    let watch = Watch::new();
    measure(
        engine,
        &job,
        &device(),
        max_steps,
        Instant::now(),
        &watch,
        None,
    )
    .expect("it pretends well")
}

fn whole() -> Pretender {
    Pretender {
        stop_behind: None,
        shows_steps: true,
    }
}

#[test]
fn the_phases_add_up_to_the_total_and_none_is_empty_that_should_not_be() {
    let Measurement {
        run, is_complete, ..
    } = run(&whole(), 3, None);
    assert!(is_complete);
    let phases = run.phases;
    assert!((phases.sum_s() / run.total_s - 1.0).abs() < 0.01, "{run:?}");
    assert!(run.wall_s >= run.total_s, "{run:?}");
    let step_s = STEP.as_secs_f64();
    assert_eq!(phases.prepare_s, step_s);
    assert!(phases.compile_s >= 3.0 * step_s, "{phases:?}");
    assert!(phases.train_s >= 12.0 * step_s, "{phases:?}");
    assert!(phases.test_s >= 2.0 * step_s, "{phases:?}");
    assert!(phases.other_s < 0.5 * run.total_s, "{phases:?}");
    assert_eq!(run.epochs.len(), 3);
    assert_eq!(run.trained_samples(), 300);
    assert_eq!((run.epochs[0].loss, run.epochs[0].accuracy), (0.5, 0.5));
    let test = run.test.expect("it was tested");
    assert_eq!((test.loss, test.accuracy), (0.25, 0.75));
    assert!((run.step_s.expect("steps are shown").p50 - step_s).abs() < 1e-9);
}

#[test]
fn steps_that_cannot_be_seen_have_no_percentiles() {
    let engine = Pretender {
        shows_steps: false,
        ..whole()
    };
    assert_eq!(run(&engine, 1, None).run.step_s, None);
}

#[test]
fn max_steps_cut_the_training_but_not_the_test() {
    // (steps allowed, samples of each epoch, complete)
    let table: [(u64, &[u64], bool); 4] = [
        (1, &[32], false),
        (4, &[100], false),
        (5, &[100, 32], false),
        (1_000_000, &[100, 100], true),
    ];
    for (max_steps, samples, is_complete) in table {
        let measured = run(&whole(), 2, Some(max_steps));
        let found: Vec<u64> = measured.run.epochs.iter().map(|e| e.samples).collect();
        assert_eq!(found, samples, "{max_steps} steps");
        assert_eq!(measured.is_complete, is_complete, "{max_steps} steps");
        assert!(measured.run.test.is_some());
    }
}

#[test]
fn a_stopped_run_reports_what_was_done_and_no_test() {
    // (steps before the stop, samples of each epoch)
    let table: [(u64, &[u64]); 3] = [(0, &[]), (2, &[64]), (5, &[100, 32])];
    for (stop_behind, samples) in table {
        let engine = Pretender {
            stop_behind: Some(stop_behind),
            ..whole()
        };
        let measured = run(&engine, 3, None);
        let found: Vec<u64> = measured.run.epochs.iter().map(|e| e.samples).collect();
        assert_eq!(found, samples, "{stop_behind} steps");
        assert!(!measured.is_complete && measured.run.test.is_none());
        let phases = measured.run.phases;
        assert!((phases.sum_s() / measured.run.total_s - 1.0).abs() < 0.01);
    }
}
