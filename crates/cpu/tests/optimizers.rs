//! Every optimizer, on images and rows, in both precisions, passes the gate on every instruction set; another in
//! the timed path does not.

mod common;

use std::sync::Arc;

use common::{
    bits, device, in_bf16, instruction_sets, job, net,
    optimizers::{
        ADAMW, AMSGRAD, AMSGRAD_DECAY, CORRECTED, LAYERS, NESTEROV, NESTEROV_DECAY, RMSPROP, SGD,
        SGD_DECAY, scheduled,
    },
    session,
};
use laptime_cpu::CpuEngine;
use laptime_engine::{
    Device, Engine, EngineError, EpochReport, Job, Passes, Progress, Score, Session, StepCosts,
    gate::{Trace, Verdict, verify},
};
use laptime_graph::{Simplification, State, pass_names};
use laptime_workload::{AdamW, Optimizer, Precision, RmsProp, Sgd, Workload, epoch_order};

const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n";
fn with(optimizer: &str) -> Workload {
    scheduled(net(LAYERS, optimizer, 18))
}

#[test]
fn optimizers_are_verified_on_every_instruction_set() {
    for optimizer in [
        ADAMW,
        AMSGRAD,
        AMSGRAD_DECAY,
        CORRECTED,
        RMSPROP,
        NESTEROV,
        NESTEROV_DECAY,
        SGD_DECAY,
    ] {
        for workload in [with(optimizer), in_bf16(with(optimizer))] {
            for isa in instruction_sets() {
                let job = job(workload.clone(), 18 * 20 + 5, 2);
                let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
                assert!(verdict.is_verified(), "{isa}, {optimizer}: {verdict}");
            }
            let unfused = Job {
                passes: Passes::Only(Vec::new()),
                ..job(workload, 18 * 20 + 5, 2)
            };
            let verdict = verify(&CpuEngine, &unfused, &device("portable")).unwrap();
            assert!(verdict.is_verified(), "{optimizer}, unfused: {verdict}");
        }
    }
}

/// An engine whose timed path has another optimizer than it is asked for and says.
struct TimedBy(Optimizer);

impl Engine for TimedBy {
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
        let workload = Workload {
            optimizer: self.0,
            ..Workload::clone(&job.workload)
        };
        let timed = Job {
            workload: Arc::new(workload),
            ..job.clone()
        };
        Ok(Box::new(TimedSession {
            asked: CpuEngine.compile(job, device)?,
            timed: CpuEngine.compile(&timed, device)?,
        }))
    }
}

struct TimedSession {
    asked: Box<dyn Session>,
    timed: Box<dyn Session>,
}

impl Session for TimedSession {
    fn device(&self) -> &Device {
        self.timed.device()
    }

    fn step_costs(&self) -> StepCosts {
        self.timed.step_costs()
    }

    fn prepare_s(&self) -> f64 {
        0.0
    }

    fn train(&mut self, order: &[u32], progress: &Progress) -> Result<EpochReport, EngineError> {
        self.timed.train(order, progress)
    }

    fn evaluate(&mut self, progress: &Progress) -> Result<Score, EngineError> {
        self.timed.evaluate(progress)
    }

    fn logits(&mut self, samples: &[u32]) -> Result<Vec<f32>, EngineError> {
        self.timed.logits(samples)
    }

    fn state(&mut self) -> Result<State, EngineError> {
        self.timed.state()
    }

    fn trace_f64(&mut self, start: &State, order: &[u32]) -> Result<Trace, EngineError> {
        self.asked.trace_f64(start, order)
    }

    fn set_state(&mut self, state: &State) -> Result<(), EngineError> {
        self.timed.set_state(state)
    }
}

#[test]
fn another_optimizer_in_the_timed_path_is_caught() {
    let of = |optimizer: &str| with(optimizer).optimizer;
    let off = |optimizer: &str| match of(optimizer) {
        Optimizer::AdamW(op) => Optimizer::AdamW(AdamW {
            weight_decay: 1.05 * op.weight_decay,
            ..op
        }),
        Optimizer::RmsProp(op) => Optimizer::RmsProp(RmsProp {
            epsilon: 1.1 * op.epsilon,
            ..op
        }),
        Optimizer::Sgd(op) => Optimizer::Sgd(Sgd {
            weight_decay: op.weight_decay.map(|decay| 1.05 * decay),
            ..op
        }),
        other => other,
    };
    let without = |key: &str| of(&CORRECTED.replace(&format!("{key} = true\n"), ""));
    // The names of the moments are the same, so that the gate has something to compare.
    let planted = [
        ("no decay", ADAMW, of(ADAM)),
        ("decay 5 % off", ADAMW, off(ADAMW)),
        (
            "epsilon before the correction",
            CORRECTED,
            without("corrected_epsilon"),
        ),
        ("all decay", CORRECTED, without("weights_only")),
        ("AMSGrad without decay", AMSGRAD_DECAY, of(AMSGRAD)),
        (
            "AMSGrad, all decay",
            AMSGRAD_DECAY,
            of(&AMSGRAD_DECAY.replace("weights_only = true\n", "")),
        ),
        (
            "no largest moment",
            AMSGRAD_DECAY,
            of(&AMSGRAD_DECAY.replace("amsgrad = true\n", "")),
        ),
        ("SGD without decay", SGD_DECAY, of(SGD)),
        ("SGD's decay 5 % off", SGD_DECAY, off(SGD_DECAY)),
        (
            "SGD, all decay",
            SGD_DECAY,
            of(&SGD_DECAY.replace("weights_only = true\n", "")),
        ),
        (
            "SGD, weights alone decay",
            NESTEROV_DECAY,
            of(&format!("{NESTEROV_DECAY}weights_only = true\n")),
        ),
        ("plain momentum", NESTEROV, of(SGD)),
        ("Nesterov's momentum", SGD, of(NESTEROV)),
        ("epsilon 10 % off", RMSPROP, off(RMSPROP)),
    ];
    for (name, right, wrong) in planted {
        for workload in [with(right), in_bf16(with(right))] {
            let is_bf16 = workload.precision == Precision::Bf16;
            let job = job(workload, 18 * 20 + 5, 2);
            let verdict = verify(&TimedBy(wrong), &job, &device("portable")).unwrap();
            assert!(
                matches!(verdict, Verdict::Failed { .. }),
                "{name}, bf16 {is_bf16}: {verdict}"
            );
        }
    }
}

/// What is left of a weight without a gradient behind steps with these shares of the learning rate.
fn kept(optimizer: Optimizer, rate_shares: [f64; 3]) -> f64 {
    let decoupled = |decay: f64| {
        rate_shares
            .map(|share| 1.0 - share * decay)
            .iter()
            .product()
    };
    match optimizer {
        Optimizer::AdamW(op) => decoupled(op.weight_decay * op.adam.learning_rate),
        Optimizer::AmsGrad(op) => {
            decoupled(op.weight_decay.unwrap_or_default() * op.adam.learning_rate)
        }
        Optimizer::Sgd(op) => {
            let (mut w, mut velocity) = (1.0, 0.0);
            for share in rate_shares {
                let gradient = op.weight_decay.unwrap_or_default() * w;
                velocity = op.momentum * velocity + gradient;
                let direction = match op.nesterov {
                    true => op.momentum * velocity + gradient,
                    false => velocity,
                };
                w -= share * op.learning_rate * direction;
            }
            w
        }
        Optimizer::Adam(_) | Optimizer::RmsProp(_) => 1.0,
    }
}

/// Their gradient is 0. Plain Adam, SGD and RMSprop never move them, but a decay does.
#[test]
fn weights_of_dead_taps_decay_and_are_otherwise_left_alone() {
    const TAPS: usize = 9;
    let middle = TAPS / 2;
    let optimizers = [
        ADAM,
        AMSGRAD,
        AMSGRAD_DECAY,
        ADAMW,
        RMSPROP,
        SGD,
        SGD_DECAY,
        NESTEROV,
        NESTEROV_DECAY,
    ];
    for workload in optimizers.map(with) {
        for workload in [workload.clone(), in_bf16(workload)] {
            let optimizer = workload.optimizer;
            // The first two steps are the warm-up's.
            let kept = kept(optimizer, [0.5, 1.0, 1.0]);
            let job = job(workload, 3 * 18, 2);
            for isa in instruction_sets() {
                let mut session = session(&job, isa);
                let before = session.state().unwrap();
                let order = epoch_order(1, 0, 3 * 18, true);
                session.train(&order, &Progress::new()).unwrap();
                let after = session.state().unwrap();
                let [before, after] =
                    [&before, &after].map(|state| &state.tensor("c2.weight").unwrap().values);
                for (place, (before, after)) in before.iter().zip(after).enumerate() {
                    if place % TAPS != middle {
                        let expected = kept * before;
                        assert!(
                            (after - expected).abs() <= 2e-7 * expected.abs(),
                            "{isa}, {optimizer:?}: {before} becomes {after}, not {expected}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn dead_taps_that_are_left_out_change_no_bit_of_a_decay() {
    let no_dead_taps = pass_names().into_iter();
    let no_dead_taps = no_dead_taps.filter(|name| *name != Simplification::DeadTaps.as_str());
    let passes = Passes::Only(no_dead_taps.map(Into::into).collect());
    for workload in [
        with(ADAMW),
        in_bf16(with(ADAMW)),
        with(AMSGRAD_DECAY),
        in_bf16(with(AMSGRAD_DECAY)),
        with(NESTEROV_DECAY),
        in_bf16(with(SGD_DECAY)),
    ] {
        let all = job(workload, 3 * 18 + 2, 2);
        let without = Job {
            passes: passes.clone(),
            ..all.clone()
        };
        for isa in instruction_sets() {
            assert!(bits(&all, isa) == bits(&without, isa), "{isa}");
        }
    }
}
