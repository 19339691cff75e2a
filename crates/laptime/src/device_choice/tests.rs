//! Choices among several devices, by engines that only pretend.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use laptime_engine::{
    Device, DeviceKind, Engine, EngineError, EpochReport, Job, Passes, Progress, Score, Session,
    StepCosts, gate::Trace,
};
use laptime_graph::State;
use laptime_workload::{Builtin, Overrides, Workload};

use super::{Choice, Wish, fastest};
use crate::{args::DeviceArg, failure::Failure};

/// Devices by name, driver and what a step takes there.
struct Fake {
    devices: Vec<(Device, Step)>,
    compiled: AtomicUsize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Takes(Duration),
    Fails,
    /// The driver never comes back from compiling.
    Hangs,
}

const FAST: Step = Step::Takes(Duration::from_micros(10));
const SLOW: Step = Step::Takes(Duration::from_millis(20));

fn device(name: &str, kind: DeviceKind, driver: &str) -> Device {
    Device {
        kind,
        name: name.into(),
        threads: None,
        isa: None,
        driver: Some(driver.into()),
        software: false,
    }
}

fn cpu(step: Step) -> (Device, Step) {
    (device("", DeviceKind::Cpu, ""), step)
}

fn card(name: &str, step: Step) -> (Device, Step) {
    (device(name, DeviceKind::Gpu, "1.0"), step)
}

/// Lives as long as the tests: a trial may outlive its caller.
fn fake(devices: Vec<(Device, Step)>) -> &'static Fake {
    Box::leak(Box::new(Fake {
        devices,
        compiled: AtomicUsize::new(0),
    }))
}

impl Engine for Fake {
    fn name(&self) -> &'static str {
        "laptime"
    }

    fn version(&self) -> String {
        "0".into()
    }

    fn devices(&self) -> Result<Vec<Device>, EngineError> {
        Ok(self.devices.iter().map(|(one, _)| one.clone()).collect())
    }

    fn compile(&self, _: &Job, device: &Device) -> Result<Box<dyn Session>, EngineError> {
        self.compiled.fetch_add(1, Relaxed);
        let same =
            |one: &&(Device, Step)| one.0.kind == device.kind && one.0.driver == device.driver;
        let by_name = |one: &&(Device, Step)| one.0.name.is_empty() || one.0.name == device.name;
        let found = self.devices.iter().filter(by_name).find(same);
        match found.expect("it is listed").1 {
            Step::Takes(step) => Ok(Box::new(Paced(device.clone(), step))),
            Step::Fails => Err(EngineError::Failed("out of memory".into())),
            Step::Hangs => loop {
                thread::park();
            },
        }
    }
}

/// A session whose steps only take their time.
struct Paced(Device, Duration);

impl Session for Paced {
    fn device(&self) -> &Device {
        &self.0
    }

    fn step_costs(&self) -> StepCosts {
        StepCosts::default()
    }

    fn prepare_s(&self) -> f64 {
        0.0
    }

    fn train(&mut self, order: &[u32], _: &Progress) -> Result<EpochReport, EngineError> {
        thread::sleep(self.1 * (order.len() / 32) as u32);
        Ok(EpochReport::default())
    }

    fn evaluate(&mut self, _: &Progress) -> Result<Score, EngineError> {
        unreachable!("a trial only trains")
    }

    fn logits(&mut self, _: &[u32]) -> Result<Vec<f32>, EngineError> {
        unreachable!("a trial only trains")
    }

    fn state(&mut self) -> Result<State, EngineError> {
        unreachable!("a trial only trains")
    }

    fn trace_f64(&mut self, _: &State, _: &[u32]) -> Result<Trace, EngineError> {
        unreachable!("a trial only trains")
    }

    fn set_state(&mut self, _: &State) -> Result<(), EngineError> {
        unreachable!("a trial only trains")
    }
}

fn workload() -> Arc<Workload> {
    // Few steps, so that two seconds are what a trial may take.
    let few = Overrides {
        epochs: Some(1),
        ..Overrides::default()
    };
    let builtin = Builtin::find("fashion-mnist").expect("it is built in");
    Arc::new(builtin.spec().resolve(&few).expect("it is sound"))
}

fn choose(engine: &'static Fake, cache: &Path) -> Result<Choice, Failure> {
    let wish = Wish {
        device: DeviceArg::Auto,
        cpu: "a processor",
        workload: &workload(),
        threads: 1,
        passes: &Passes::All,
    };
    fastest(engine, &wish, Some(cache))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is a place for temporary files")
}

#[test]
fn the_fastest_is_taken_with_a_line_that_says_why() {
    let cache = folder();
    let engine = fake(vec![
        cpu(SLOW),
        card("a slow card", SLOW),
        card("a fast card", FAST),
    ]);
    let chosen = choose(engine, cache.path())
        .and_then(Choice::into_chosen)
        .expect("two can train");
    assert_eq!(chosen.argument, DeviceArg::Gpu(Some(1)));
    assert_eq!(chosen.device.name, "a fast card");
    let why = chosen.why.expect("there was a choice");
    assert!(
        why.starts_with("trains on gpu:1, the fastest by trial: a processor 2"),
        "{why}"
    );
    let trial = chosen.trial.expect("there was a choice");
    let times: Vec<f64> = trial
        .candidates
        .iter()
        .filter_map(|one| one.step_s)
        .collect();
    assert_eq!(times.len(), 3);
    assert!(times[2] < times[0] && times[2] < times[1], "{times:?}");
}

#[test]
fn the_processor_is_taken_where_it_is_the_fastest() {
    let cache = folder();
    let choice = choose(fake(vec![cpu(FAST), card("a card", SLOW)]), cache.path());
    let choice = choice.expect("both can train");
    assert_eq!(choice.argument, "cpu");
    assert_eq!(choice.device.name, "a processor");
}

#[test]
fn a_second_time_nothing_is_tried_until_a_driver_changes() {
    let cache = folder();
    let engine = fake(vec![cpu(SLOW), card("a card", FAST)]);
    let first = choose(engine, cache.path()).expect("both can train");
    assert_eq!(engine.compiled.load(Relaxed), 2);
    let second = choose(engine, cache.path()).expect("it is remembered");
    assert_eq!(engine.compiled.load(Relaxed), 2);
    assert_eq!(second.device, first.device);
    let [first, second] = [first, second].map(|choice| choice.trial.expect("a choice"));
    assert_eq!(second.candidates, first.candidates);
    assert!(second.remembered && !first.remembered);

    let mut devices = engine.devices.clone();
    devices[1].0.driver = Some("1.1".into());
    let updated = fake(devices);
    let third = choose(updated, cache.path()).expect("both can train");
    assert_eq!(updated.compiled.load(Relaxed), 2);
    assert!(third.trial.is_some_and(|trial| !trial.remembered));
}

#[test]
fn a_candidate_that_failed_is_tried_again_the_next_time() {
    let cache = folder();
    let engine = fake(vec![cpu(SLOW), card("a card", Step::Fails)]);
    for compiled in [2, 4] {
        let choice = choose(engine, cache.path()).expect("the processor can train");
        assert_eq!(choice.argument, "cpu");
        let trial = choice.trial.expect("there was a choice");
        assert_eq!(trial.candidates[1].error.as_deref(), Some("out of memory"));
        assert_eq!(engine.compiled.load(Relaxed), compiled);
    }
}

#[test]
fn a_driver_that_hangs_loses() {
    let cache = folder();
    let engine = fake(vec![cpu(SLOW), card("a card", Step::Hangs)]);
    let choice = choose(engine, cache.path()).expect("the processor can train");
    assert_eq!(choice.argument, "cpu");
    let trial = choice.trial.expect("there was a choice");
    let error = trial.candidates[1].error.as_deref();
    assert!(
        error.is_some_and(|error| error.contains("not ready")),
        "{error:?}"
    );
}

#[test]
fn with_one_candidate_there_is_no_trial() {
    let cache = folder();
    let mut emulated = card("an emulated card", FAST);
    emulated.0.software = true;
    let engine = fake(vec![cpu(SLOW), emulated]);
    let choice = choose(engine, cache.path()).expect("the processor can train");
    assert_eq!((choice.argument.as_str(), &choice.trial), ("cpu", &None));
    assert_eq!(engine.compiled.load(Relaxed), 0);
}

#[test]
fn where_no_device_can_train_all_reasons_are_told() {
    let cache = folder();
    let engine = fake(vec![cpu(Step::Fails), card("a card", Step::Fails)]);
    let Err(Failure::Failed(what)) = choose(engine, cache.path()) else {
        panic!("something trains");
    };
    assert_eq!(what, "no device can train: out of memory; out of memory");
}
