//! The gate on trainings that diverge: verified up to there, and no error hides behind it.

mod common;

use std::sync::Arc;

use common::{dense_net, device, instruction_sets, job, net};
use laptime_cpu::CpuEngine;
use laptime_engine::{
    Device, Engine, EngineError, EpochReport, Job, Progress, Score, Session, StepCosts,
    gate::{Trace, Verdict, verify, verify_against},
};
use laptime_graph::State;
use laptime_workload::{Optimizer, Sgd, Workload};

/// A net that diverges within the gate's steps at rates like 0.3, and none at 0.01.
fn net_with(learning_rate: f64) -> Workload {
    let mut layers = String::from("layer = [ { kind = \"flatten\" },\n");
    for _ in 0..3 {
        layers += "{ kind = \"dense\", units = 16 },\n";
    }
    layers += "{ kind = \"dense\", units = 10 } ]\n";
    let sgd = format!("kind = \"sgd\"\nlearning_rate = {learning_rate:?}\nmomentum = 0.9\n");
    net(&layers, &sgd, 32)
}

/// What a session does wrong behind the steps of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Plant {
    Nothing,
    /// What is not finite becomes 0, as by a maximum that loses what is no number.
    Hides,
    /// The loss is not a number, whatever the oracle's is.
    NoNumber,
}

/// The CPU's engine with something wrong.
struct Planted(Plant);

impl Engine for Planted {
    fn name(&self) -> &'static str {
        CpuEngine.name()
    }

    fn version(&self) -> String {
        CpuEngine.version()
    }

    fn devices(&self) -> Result<Vec<Device>, EngineError> {
        CpuEngine.devices()
    }

    fn compile(&self, job: &Job, device: &Device) -> Result<Box<dyn Session>, EngineError> {
        Ok(Box::new(PlantedSession {
            inner: CpuEngine.compile(job, device)?,
            plant: self.0,
        }))
    }
}

struct PlantedSession {
    inner: Box<dyn Session>,
    plant: Plant,
}

impl Session for PlantedSession {
    fn device(&self) -> &Device {
        self.inner.device()
    }

    fn step_costs(&self) -> StepCosts {
        self.inner.step_costs()
    }

    fn prepare_s(&self) -> f64 {
        0.0
    }

    fn train(&mut self, order: &[u32], progress: &Progress) -> Result<EpochReport, EngineError> {
        let mut report = self.inner.train(order, progress)?;
        match self.plant {
            Plant::Nothing => {}
            Plant::NoNumber => report.score.sums[0] = f64::NAN,
            Plant::Hides => {
                let mut state = self.inner.state()?;
                let values = state.tensors.iter_mut().flat_map(|one| &mut one.values);
                for value in values.filter(|value| !value.is_finite()) {
                    *value = 0.0;
                }
                self.inner.set_state(&state)?;
                if !report.score.loss_sum().is_finite() {
                    report.score.sums[0] = 0.0;
                }
            }
        }
        Ok(report)
    }

    fn evaluate(&mut self, progress: &Progress) -> Result<Score, EngineError> {
        self.inner.evaluate(progress)
    }

    fn logits(&mut self, samples: &[u32]) -> Result<Vec<f32>, EngineError> {
        self.inner.logits(samples)
    }

    fn state(&mut self) -> Result<State, EngineError> {
        self.inner.state()
    }

    fn trace_f64(&mut self, start: &State, order: &[u32]) -> Result<Trace, EngineError> {
        self.inner.trace_f64(start, order)
    }

    fn set_state(&mut self, state: &State) -> Result<(), EngineError> {
        self.inner.set_state(state)
    }
}

fn asked(plant: Plant, learning_rate: f64, isa: &str) -> Verdict {
    let job = job(net_with(learning_rate), 32 * 20 + 5, 2);
    verify(&Planted(plant), &job, &device(isa)).unwrap()
}

#[test]
fn a_training_that_diverges_is_verified_up_to_there() {
    for isa in instruction_sets() {
        for learning_rate in [0.3, 10.0, 1e6, 3e9, 1e30] {
            let verdict = asked(Plant::Nothing, learning_rate, isa);
            eprintln!("{isa}, {learning_rate}: {verdict}");
            let Verdict::Verified {
                steps,
                diverges_at: Some(step),
                ..
            } = verdict
            else {
                panic!("{isa}, {learning_rate}: {verdict}");
            };
            assert_eq!(step, steps + 1, "{isa}, {learning_rate}: {verdict}");
        }
        let verdict = asked(Plant::Nothing, 0.01, isa);
        assert_eq!(verdict, Verdict::verified(20), "{isa}");
    }
}

#[test]
fn what_is_no_number_is_caught_where_the_oracle_has_one_and_the_other_way_round() {
    for (plant, learning_rate) in [
        (Plant::Hides, 0.3),
        (Plant::Hides, 3e9),
        (Plant::NoNumber, 0.3),
        (Plant::NoNumber, 0.01),
    ] {
        let verdict = asked(plant, learning_rate, "portable");
        eprintln!("{plant:?}, {learning_rate}: {verdict}");
        assert!(
            !verdict.is_verified(),
            "{plant:?}, {learning_rate}: {verdict}"
        );
    }
}

#[test]
fn another_learning_rate_is_caught_in_a_training_that_diverges() {
    let truth = job(net_with(0.3), 32 * 20, 2);
    let mut workload = Workload::clone(&truth.workload);
    let Optimizer::Sgd(Sgd { learning_rate, .. }) = &mut workload.optimizer else {
        panic!("it is SGD");
    };
    *learning_rate *= 1.01;
    let planted = Job {
        workload: Arc::new(workload),
        ..truth.clone()
    };
    let verdict = verify_against(&CpuEngine, &planted, &device("portable"), &truth).unwrap();
    assert!(!verdict.is_verified(), "{verdict}");
}

/// The same must hold of a last batch, and of one in which all is over at once.
#[test]
fn a_net_that_diverges_in_its_first_step_is_verified() {
    let mut workload = dense_net(&[16], 8);
    workload.optimizer = Optimizer::Sgd(Sgd {
        learning_rate: 1e200,
        momentum: 0.9,
        nesterov: false,
        weight_decay: None,
        weights_only: false,
    });
    let job = job(workload, 8 * 20 + 3, 2);
    let verdict = verify(&CpuEngine, &job, &device("portable")).unwrap();
    assert_eq!(verdict.to_string(), "verified (diverges in the first step)");
}
