//! The gate catches an engine whose timed steps are not what it says: errors planted into what a session
//! does, not into what it is asked, on every instruction set.

mod common;

use common::{dense_net, device, in_bf16, instruction_sets, job, net};
use laptime_cpu::CpuEngine;
use laptime_engine::{
    Device, Engine, EngineError, EpochReport, Job, Progress, Score, Session, StepCosts,
    gate::{Trace, Verdict, verify},
};
use laptime_graph::State;

/// Samples a batch.
const BATCH: usize = 8;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Plant {
    Nothing,
    /// Biases stay as they are.
    NoBias,
    /// Parameters move by 1 % more.
    Rate,
    /// Every batch is the first one.
    FirstBatchAgain,
    /// What is left of an epoch behind its whole batches is not trained on.
    NoRest,
    /// The same, but counted.
    NoRestButCounted,
    /// The trace in f64 has a step less.
    FewerLosses,
    /// A tensor of the state has no values.
    EmptyTensor,
    /// The moving mean of this norm moves by 1 % more.
    MovingMean(&'static str),
    /// The moving mean of this norm moves by a ten-thousandth of the deviation more.
    MovingMeanShifted(&'static str),
}

/// The CPU's engine with something wrong.
struct Planted {
    plant: Plant,
    /// Only in calls for more than one batch, as epochs are timed.
    in_epochs_alone: bool,
    repeats_exactly: bool,
}

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

    fn repeats_exactly(&self) -> bool {
        self.repeats_exactly
    }

    fn compile(&self, job: &Job, device: &Device) -> Result<Box<dyn Session>, EngineError> {
        Ok(Box::new(PlantedSession {
            inner: CpuEngine.compile(job, device)?,
            plant: self.plant,
            in_epochs_alone: self.in_epochs_alone,
        }))
    }
}

struct PlantedSession {
    inner: Box<dyn Session>,
    plant: Plant,
    in_epochs_alone: bool,
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
        if self.in_epochs_alone && order.len() <= BATCH {
            return self.inner.train(order, progress);
        }
        let whole = order.len() / BATCH * BATCH;
        let trained: Vec<u32> = match self.plant {
            Plant::FirstBatchAgain => (0..order.len()).map(|at| order[at % BATCH]).collect(),
            Plant::NoRest | Plant::NoRestButCounted if whole > 0 => order[..whole].to_vec(),
            _ => order.to_vec(),
        };
        let before = self.inner.state()?;
        let mut report = self.inner.train(&trained, progress)?;
        let mut after = self.inner.state()?;
        for (after, before) in after.tensors.iter_mut().zip(&before.tensors) {
            let is_moment = after.name.ends_with(".m") || after.name.ends_with(".v");
            if self.plant == Plant::Rate && !is_moment {
                for (after, before) in after.values.iter_mut().zip(&before.values) {
                    *after = before + 1.01 * (*after - before);
                }
            }
            let (factor, norm, shift) = match self.plant {
                Plant::MovingMean(norm) => (1.01, norm, 0.0),
                Plant::MovingMeanShifted(norm) => (1.0, norm, 1e-4),
                _ => (1.0, "", 0.0),
            };
            if after.name == format!("{norm}.running_mean") {
                for (after, before) in after.values.iter_mut().zip(&before.values) {
                    *after = before + factor * (*after - before) + shift;
                }
            }
            if self.plant == Plant::NoBias && after.name.ends_with(".bias") {
                after.values.clone_from(&before.values);
            }
        }
        if self.plant == Plant::NoRestButCounted {
            report.score.samples = order.len() as u64;
            after.steps = before.steps + order.len().div_ceil(BATCH) as u64;
        }
        self.inner.set_state(&after)?;
        Ok(report)
    }

    fn evaluate(&mut self, progress: &Progress) -> Result<Score, EngineError> {
        self.inner.evaluate(progress)
    }

    fn logits(&mut self, samples: &[u32]) -> Result<Vec<f32>, EngineError> {
        self.inner.logits(samples)
    }

    fn state(&mut self) -> Result<State, EngineError> {
        let mut state = self.inner.state()?;
        if self.plant == Plant::EmptyTensor {
            state.tensors[1].values.clear();
        }
        Ok(state)
    }

    fn trace_f64(&mut self, start: &State, order: &[u32]) -> Result<Trace, EngineError> {
        let mut trace = self.inner.trace_f64(start, order)?;
        if self.plant == Plant::FewerLosses {
            trace.losses.pop();
        }
        Ok(trace)
    }

    fn set_state(&mut self, state: &State) -> Result<(), EngineError> {
        self.inner.set_state(state)
    }
}

fn verdict(engine: &Planted, job: &Job, isa: &str) -> Verdict {
    verify(engine, job, &device(isa)).unwrap()
}

#[test]
fn errors_of_the_timed_path_are_caught_on_every_instruction_set() {
    for isa in instruction_sets() {
        let fp32 = dense_net(&[20], BATCH);
        for workload in [fp32.clone(), in_bf16(fp32)] {
            let job = job(workload, 20 * BATCH + 3, 2);
            let asked = |plant, in_epochs_alone, repeats_exactly| {
                let engine = Planted {
                    plant,
                    in_epochs_alone,
                    repeats_exactly,
                };
                verdict(&engine, &job, isa)
            };
            for exactly in [true, false] {
                let sound = asked(Plant::Nothing, false, exactly);
                assert!(sound.is_verified(), "{isa}: {sound}");
            }
            for (plant, in_epochs_alone) in [
                (Plant::NoBias, false),
                (Plant::NoBias, true),
                (Plant::Rate, false),
                (Plant::Rate, true),
                (Plant::FirstBatchAgain, true),
                (Plant::NoRest, true),
                (Plant::NoRestButCounted, true),
                (Plant::FewerLosses, false),
                (Plant::EmptyTensor, false),
            ] {
                let verdict = asked(plant, in_epochs_alone, true);
                let what = format!("{isa}, {plant:?}, in epochs alone: {in_epochs_alone}");
                assert!(matches!(verdict, Verdict::Failed { .. }), "{what}");
            }
        }
    }
}

/// That the mean behind a norm is 0 but for rounding lets no wrong mean pass.
#[test]
fn wrong_moving_means_are_caught() {
    let layers = r#"layer = [
        { name = "conv", kind = "conv2d", filters = 3, kernel = 3, stride = 1, padding = "same", bias = false },
        { name = "first", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "second", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "relu", kind = "relu" },
        { name = "pool", kind = "max_pool", size = 4, stride = 4, padding = "same" },
        { name = "flatten", kind = "flatten" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#;
    let sgd = "kind = \"sgd\"\nlearning_rate = 0.01\nmomentum = 0.9\n";
    let fp32 = net(layers, sgd, 16);
    for workload in [fp32.clone(), in_bf16(fp32)] {
        let precision = workload.precision;
        let job = job(workload, 20 * 16, 2);
        let asked = |plant| {
            let engine = Planted {
                plant,
                in_epochs_alone: false,
                repeats_exactly: true,
            };
            verdict(&engine, &job, instruction_sets()[0])
        };
        let sound = asked(Plant::Nothing);
        assert!(sound.is_verified(), "{precision}: {sound}");
        for plant in [
            Plant::MovingMean("first"),
            Plant::MovingMeanShifted("second"),
        ] {
            let verdict = asked(plant);
            let what = format!("{precision}, {plant:?}");
            assert!(matches!(verdict, Verdict::Failed { .. }), "{what}");
        }
    }
}

/// Where the bits may differ, coarser errors are found all the same.
#[test]
fn an_engine_that_does_not_repeat_itself_must_follow_the_order_too() {
    let job = job(dense_net(&[20], BATCH), 20 * BATCH + 3, 2);
    for plant in [
        Plant::FirstBatchAgain,
        Plant::NoRest,
        Plant::NoRestButCounted,
    ] {
        let engine = Planted {
            plant,
            in_epochs_alone: true,
            repeats_exactly: false,
        };
        let verdict = verdict(&engine, &job, "portable");
        assert!(matches!(verdict, Verdict::Failed { .. }), "{plant:?}");
    }
}
