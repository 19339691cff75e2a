//! Runs of an engine that only pretends to train.

use std::{
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use laptime_engine::{
    Device, DeviceKind, Engine, EngineError, EpochReport, Job, Passes, Progress, Score, Session,
    StepCosts, Tally, gate::Trace,
};
use laptime_measure::{
    Checkpoints, Divergence, Ends, Measurement, Metrics, Run, SoFar, Watch, measure,
};
use laptime_workload::{BUILTINS, Overrides, dataset::synthetic};

const STEP: Duration = Duration::from_millis(2);

/// Takes [`STEP`] a step of 32; is stopped by nobody, or by itself behind so many steps.
struct Pretender {
    stop_behind: Option<u64>,
    shows_steps: bool,
    /// From this step on, counted from 1, its loss is not a number.
    diverges_at: Option<u64>,
}

struct PretendedSession {
    device: Device,
    stop_behind: Option<u64>,
    shows_steps: bool,
    diverges_at: Option<u64>,
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
            diverges_at: self.diverges_at,
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
        let mut tally = Tally::from(progress.score());
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
            let samples = batch.len() as f64;
            let is_finite = self.diverges_at.is_none_or(|step| self.steps < step);
            let loss = if is_finite { 0.5 } else { f64::NAN };
            tally.add(Score {
                samples: batch.len() as u64,
                sums: [loss * samples, (samples / 2.0).floor()],
            });
            step_s.push(STEP.as_secs_f32());
        }
        Ok(EpochReport {
            score: tally.score,
            step_s: self.shows_steps.then_some(step_s),
            not_finite: tally.not_finite.filter(|_| self.shows_steps),
        })
    }

    fn evaluate(&mut self, _: &Progress) -> Result<Score, EngineError> {
        sleep(2 * STEP);
        Ok(Score {
            samples: 40,
            sums: [10.0, 30.0],
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

/// Keeps what it is told in memory.
#[derive(Default)]
struct Shelf {
    every_steps: Option<u64>,
    start: Option<SoFar>,
    kept: Vec<SoFar>,
}

impl Checkpoints for Shelf {
    fn every_steps(&self) -> Option<u64> {
        self.every_steps
    }

    fn resume(&mut self, _: &mut dyn Session) -> Result<SoFar, EngineError> {
        Ok(self.start.take().unwrap_or_else(SoFar::nothing))
    }

    fn keep(&mut self, _: &mut dyn Session, so_far: &SoFar) -> Result<(), EngineError> {
        sleep(10 * STEP);
        self.kept.push(so_far.clone());
        Ok(())
    }
}

/// 100 training samples, so 4 steps an epoch, the last with 4 samples.
fn run(engine: &Pretender, epochs: u64, max_steps: Option<u64>) -> Measurement {
    run_kept(engine, epochs, max_steps, &mut Shelf::default())
}

fn run_until(epochs: u64, goal: &str) -> Measurement {
    let goal = Some(goal.parse().expect("a goal"));
    let ends = Ends {
        max_steps: None,
        goal,
        ..Ends::default()
    };
    run_to(&whole(), epochs, ends, &mut Shelf::default())
}

fn run_kept(
    engine: &Pretender,
    epochs: u64,
    max_steps: Option<u64>,
    shelf: &mut Shelf,
) -> Measurement {
    let ends = Ends {
        max_steps,
        ..Ends::default()
    };
    run_to(engine, epochs, ends, shelf)
}

fn run_to(engine: &Pretender, epochs: u64, ends: Ends, shelf: &mut Shelf) -> Measurement {
    let overrides = Overrides {
        epochs: Some(epochs),
        ..Overrides::default()
    };
    let workload = BUILTINS[0]
        .spec()
        .resolve(&overrides)
        .expect("it is built in");
    let job = Job {
        dataset: Arc::new(synthetic(workload.dataset.description(), 100, 40)),
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
        ends,
        Instant::now(),
        &watch,
        Some(shelf),
    )
    .expect("it pretends well")
}

fn whole() -> Pretender {
    Pretender {
        stop_behind: None,
        shows_steps: true,
        diverges_at: None,
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
    assert_eq!(run.epochs[0].metrics, Metrics::of_classifier(0.5, 0.5));
    let test = run.test.expect("it was tested");
    assert_eq!(test.metrics, Metrics::of_classifier(0.25, 0.75));
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

/// The pretender has an accuracy of 0.75 and a loss of 0.25 after every epoch.
#[test]
fn a_training_ends_behind_the_epoch_in_which_its_goal_is_reached() {
    for (goal, epochs) in [("accuracy=0.7", 1), ("loss=0.25", 1), ("accuracy=0.8", 3)] {
        let measured = run_until(3, goal);
        let run = &measured.run;
        assert_eq!(run.epochs.len(), epochs, "{goal}");
        assert_eq!(measured.is_complete, epochs == 3, "{goal}");
        let outcome = run.goal.as_ref().expect("it has a goal");
        assert_eq!(outcome.tests.len(), epochs, "{goal}");
        assert_eq!(run.test, outcome.tests.last().cloned(), "{goal}");
        let reached = outcome.reached_after_epochs;
        assert_eq!(reached, (epochs == 1).then_some(1), "{goal}");
        // Each test is in the test phase, and so in the total.
        let test_s = run.phases.test_s;
        assert!(
            test_s >= (2 * epochs as u32 * STEP).as_secs_f64(),
            "{goal}: {test_s}"
        );
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

#[test]
fn a_run_is_kept_where_it_should_be_and_no_more() {
    // (steps between checkpoints, steps allowed, the steps at which it is kept)
    let table: [(Option<u64>, Option<u64>, &[u64]); 6] = [
        (None, None, &[4, 8, 12]),
        (Some(1), Some(3), &[1, 2, 3]),
        (Some(3), None, &[3, 4, 6, 8, 9, 12]),
        (Some(4), None, &[4, 8, 12]),
        (None, Some(6), &[4, 6]),
        (Some(100), Some(4), &[4]),
    ];
    for (every_steps, max_steps, expected) in table {
        let mut shelf = Shelf {
            every_steps,
            ..Shelf::default()
        };
        run_kept(&whole(), 3, max_steps, &mut shelf);
        let kept: Vec<u64> = shelf.kept.iter().map(|it| it.steps(4, 32)).collect();
        assert_eq!(
            kept, expected,
            "every {every_steps:?}, at most {max_steps:?}"
        );
    }
}

#[test]
fn a_stopped_run_is_kept_behind_its_last_step() {
    let mut shelf = Shelf::default();
    let engine = Pretender {
        stop_behind: Some(6),
        ..whole()
    };
    run_kept(&engine, 3, None, &mut shelf);
    let kept: Vec<u64> = shelf.kept.iter().map(|it| it.steps(4, 32)).collect();
    assert_eq!(kept, [4, 6]);
}

#[test]
fn a_run_goes_on_from_any_of_its_checkpoints_with_all_that_was_measured() {
    let mut shelf = Shelf {
        every_steps: Some(3),
        ..Shelf::default()
    };
    let one = run_kept(&whole(), 3, None, &mut shelf).run;
    let scores = |run: &Run| -> Vec<(Metrics, u64)> {
        let epochs = run.epochs.iter();
        epochs.map(|it| (it.metrics.clone(), it.samples)).collect()
    };
    for start in shelf.kept {
        let mut rest = Shelf {
            start: Some(start.clone()),
            ..Shelf::default()
        };
        let measured = run_kept(&whole(), 3, None, &mut rest);
        let run = measured.run;
        assert!(measured.is_complete);
        assert_eq!(scores(&run), scores(&one));
        assert_eq!(run.step_s, one.step_s);
        assert_eq!(run.epochs[..start.epochs.len()], start.epochs);
        assert!(run.total_s > start.total_s && run.wall_s > start.wall_s);
        assert!(
            (run.phases.sum_s() / run.total_s - 1.0).abs() < 0.01,
            "{run:?}"
        );
        let train_s: f64 = run.epochs.iter().map(|epoch| epoch.train_s).sum();
        assert!((train_s / run.phases.train_s - 1.0).abs() < 1e-9, "{run:?}");
    }
    // Three epochs, and twice between them.
    assert!(one.phases.checkpoint_s >= 50.0 * STEP.as_secs_f64());
    assert!(one.wall_s >= one.total_s + one.phases.checkpoint_s);
}

#[test]
fn a_training_that_diverges_goes_on_to_its_end_and_tells_where() {
    // (the first step of the run whose loss is NaN, its epoch, its place there)
    for (diverges_at, epoch, step) in [(1, 1, 1), (3, 1, 3), (4, 1, 4), (5, 2, 1), (12, 3, 4)] {
        let engine = Pretender {
            diverges_at: Some(diverges_at),
            ..whole()
        };
        let Measurement {
            run, is_complete, ..
        } = run(&engine, 3, None);
        assert!(is_complete && run.is_diverged() && run.test.is_some());
        assert_eq!(run.trained_samples(), 300);
        let divergence = Divergence {
            epoch,
            step,
            last_step: step,
        };
        assert_eq!(run.diverged, Some(divergence), "step {diverges_at}");
        for (place, found) in (1..).zip(&run.epochs) {
            assert_eq!(
                found.metrics.loss().is_finite(),
                place < epoch,
                "epoch {place}"
            );
        }
    }
    let finite = run(&whole(), 3, None).run;
    assert!(!finite.is_diverged() && finite.diverged.is_none());
}

#[test]
fn a_divergence_is_found_as_exactly_as_the_engine_tells() {
    let engine = Pretender {
        shows_steps: false,
        diverges_at: Some(7),
        ..whole()
    };
    let divergence = Divergence {
        epoch: 2,
        step: 1,
        last_step: 4,
    };
    assert_eq!(run(&engine, 3, None).run.diverged, Some(divergence));
    // Two steps a call.
    let mut shelf = Shelf {
        every_steps: Some(2),
        ..Shelf::default()
    };
    let divergence = Divergence {
        step: 3,
        ..divergence
    };
    let run = run_kept(&engine, 3, None, &mut shelf).run;
    assert_eq!(run.diverged, Some(divergence));
}

#[test]
fn a_run_that_goes_on_from_a_checkpoint_knows_where_it_diverged() {
    let engine = Pretender {
        diverges_at: Some(5),
        ..whole()
    };
    let mut shelf = Shelf {
        every_steps: Some(3),
        ..Shelf::default()
    };
    let one = run_kept(&engine, 3, None, &mut shelf).run;
    assert!(one.diverged.is_some());
    for start in shelf.kept {
        let mut rest = Shelf {
            start: Some(start.clone()),
            ..Shelf::default()
        };
        // The session counts its steps from where it goes on.
        let engine = Pretender {
            diverges_at: Some(5u64.saturating_sub(start.steps(4, 32))),
            ..whole()
        };
        assert_eq!(
            run_kept(&engine, 3, None, &mut rest).run.diverged,
            one.diverged
        );
    }
}
