//! How much the gate asks of a model: fewer steps of a large one.
//!
//! Steps are counted out by what they cost, never by the clock, so that the same model gets the same word
//! on a busy machine as on a quiet one.

use std::{cell::Cell, num::NonZero, thread};

use laptime_graph::{Class, Mode, OpId, Operation, Program, Simplification, TrainingStep, build};
use laptime_workload::{BUILTINS, Overrides, Precision, Workload, memory};

use super::{CHECKED_STEPS, LOGITS};
use crate::{EngineError, Job};

/// What the whole gate may cost for one of our models, in the oracle's multiplications and additions: so
/// much that ResNet50 gets six steps in bfloat16 too, and the state before the sixth is checked.
const OUR_COST: u64 = 450_000_000_000;
/// The same of a user's own model, whose owner waits for it.
const USERS_COST: u64 = 80_000_000_000;
/// Steps that every model gets, whatever they cost: Adam's second step is the first that tells of its
/// moments, and the third goes on from there.
const LEAST_STEPS: usize = 3;
/// How many states are checked in any case.
const LEAST_CHECKED: usize = 2;

/// What a value costs that an operation reads or writes, where it is no product.
const COST_OF_VALUE: u64 = 12;
/// What a value costs a step that lives across steps: it is copied, laid out and compared several times.
const COST_OF_KEPT: u64 = 100;
/// What a second of one quiet processor core is worth.
const COST_A_SECOND: u64 = 8_000_000_000;

/// What the gate may do.
pub(super) struct Budget {
    /// Steps that the oracle trains.
    pub(super) steps: usize,
    /// What a training step of the oracle costs.
    step_cost: u64,
    /// What further draws of rounding may still cost before fewer states are checked.
    left_for_draws: Cell<u64>,
}

impl Budget {
    /// The budget for a model.
    ///
    /// # Errors
    /// Where the oracle would not fit into the memory that is left.
    pub(super) fn of(job: &Job) -> Result<Self, EngineError> {
        let costs = Costs::of(job);
        let steps = costs.steps();
        let workload = &job.workload;
        let training = costs.training.programs();
        let needed: u64 = training.map(|(one, _)| memory_bytes(one, steps)).sum();
        let needed = needed.max(memory_bytes(&costs.evaluation, steps));
        memory::check(needed).map_err(|shortage| {
            EngineError::Unsupported(format!(
                "{} is too large to be verified here: with {} parameters in batches of {} the oracle \
                 {shortage}; make the model or the batch smaller, or allow more memory",
                workload.name,
                costs.training.last.parameter_count(),
                workload.batch_size,
            ))
        })?;
        Ok(Self {
            steps,
            step_cost: costs.step,
            left_for_draws: Cell::new(costs.affordable / 2),
        })
    }

    /// Counts another draw of rounding in a step.
    pub(super) fn take_draw(&self) {
        let left = self.left_for_draws.get();
        self.left_for_draws.set(left.saturating_sub(self.step_cost));
    }

    /// Whether the next state is still checked, after so many others. Draws are taken where an engine
    /// differs by more than the first of them, so how many there are does not hang on the clock either.
    pub(super) fn has_check(&self, checked: usize) -> bool {
        checked < LEAST_CHECKED || self.left_for_draws.get() > 0
    }
}

/// What the gate is going to do with a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The training steps.
    pub steps: usize,
    /// About how many seconds it takes all processors, where nothing else runs on them.
    pub about_s: f64,
}

/// The plan for a model: what it costs is counted, nothing is tried.
pub fn plan(job: &Job) -> Plan {
    let costs = Costs::of(job);
    let steps = costs.steps();
    let processors = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    Plan {
        steps,
        about_s: costs.of_gate(steps) as f64 / (COST_A_SECOND * processors) as f64,
    }
}

/// What the parts of the gate cost.
struct Costs {
    training: TrainingStep,
    evaluation: Program,
    /// A training step, with all of its micro-batches.
    step: u64,
    /// Scoring the test samples.
    scoring: u64,
    /// Steps in f64 from each state that is checked.
    oracles_a_check: usize,
    /// What all of it may cost.
    affordable: u64,
}

impl Costs {
    fn of(job: &Job) -> Self {
        let workload = &job.workload;
        let training = TrainingStep::of(workload, workload.batch_size);
        let evaluation = build(workload, Mode::Evaluation, LOGITS);
        // In bfloat16 the oracle scores once more, with coarser rounding.
        let scorings = match workload.precision {
            Precision::Fp32 => 1,
            Precision::Bf16 => 2,
        };
        // The step that the oracle's training does from there has no rounding points.
        let oracles_a_check = match workload.precision {
            Precision::Fp32 => 2,
            Precision::Bf16 => 3,
        };
        Self {
            step: training
                .programs()
                .map(|(program, times)| times as u64 * cost_of(program))
                .sum(),
            scoring: scorings * cost_of(&evaluation),
            oracles_a_check,
            affordable: if is_built_in(workload) {
                OUR_COST
            } else {
                USERS_COST
            },
            training,
            evaluation,
        }
    }

    /// The steps that the model is worth.
    fn steps(&self) -> usize {
        let is_affordable = |steps: &usize| self.of_gate(*steps) <= self.affordable;
        // Steps behind the last state that is checked would tell nothing.
        let ends = CHECKED_STEPS.iter().rev().map(|before| before + 1);
        let mut steps = ends.filter(|steps| *steps > LEAST_STEPS);
        steps.find(is_affordable).unwrap_or(LEAST_STEPS)
    }

    /// What the three questions cost together, where one draw of rounding is enough.
    fn of_gate(&self, steps: usize) -> u64 {
        let checked = CHECKED_STEPS.iter().filter(|step| **step < steps).count();
        // The oracle's training; from each state that is checked a step in f64 by the engine, and one by an
        // oracle that rounds; of the last of the batches in one call the exact step too.
        let trained = steps + self.oracles_a_check * checked + 2;
        // Behind the first state and behind the batches in one call.
        trained as u64 * self.step + 2 * self.scoring
    }
}

/// What the oracle's step of a Program costs.
fn cost_of(program: &Program) -> u64 {
    let operations = program.operations.iter().enumerate();
    let of_operations = operations.map(|(number, operation)| {
        if program.class(operation) == Class::Product {
            program.flops(OpId(number), &Simplification::OF_PADDING) + values_of(program, operation)
        } else {
            COST_OF_VALUE * values_of(program, operation)
        }
    });
    let kept = program.persistent().map(|(_, tensor)| tensor.elements());
    of_operations.sum::<u64>() + COST_OF_KEPT * kept.sum::<usize>() as u64
}

/// The values that an operation reads and writes.
fn values_of(program: &Program, operation: &Operation) -> u64 {
    let tensors = operation.inputs.iter().chain(&operation.outputs);
    let elements = tensors.map(|id| program.tensor(*id).elements() as u64);
    elements.sum()
}

/// What the gate needs for a Program, beside the engine's own. At the most there are at once, in f64, the
/// states before and behind the checked steps, and those that another oracle and the engine make of a
/// step; of all else the values and the emulated memory of a Schedule.
fn memory_bytes(program: &Program, steps: usize) -> u64 {
    let kept = CHECKED_STEPS.iter().filter(|step| **step < steps).count();
    let tensors = program.tensors.iter().map(|tensor| {
        let copies = if tensor.role.is_persistent() {
            2 * kept + 4
        } else {
            2
        };
        8 * (copies as u64).saturating_mul(tensor.elements() as u64)
    });
    tensors.fold(0, u64::saturating_add)
}

/// Whether the model is one of ours, for which nobody has to wait twice.
fn is_built_in(workload: &Workload) -> bool {
    BUILTINS.iter().any(|builtin| {
        builtin.name == workload.name
            && builtin
                .spec()
                .resolve(&Overrides::default())
                .is_ok_and(|ours| ours.layers == workload.layers && ours.input == workload.input)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use laptime_workload::{Builtin, Spec, dataset::synthetic};

    use super::{super::STEPS, *};
    use crate::Passes;

    fn job(workload: Workload) -> Job {
        Job {
            dataset: Arc::new(synthetic(workload.dataset.description(), 1, 1)),
            workload: Arc::new(workload),
            threads: 1,
            passes: Passes::All,
            profile: false,
        }
    }

    fn built_in(name: &str) -> Workload {
        let spec = Builtin::find(name).expect("built in").spec();
        spec.resolve(&Overrides::default()).expect("resolves")
    }

    /// A dense net with so many hidden units.
    fn dense(units: usize) -> Workload {
        let text = Builtin::find("fashion-mnist").expect("built in").text;
        let text = text.replace("units = 128", &format!("units = {units}"));
        let spec = Spec::parse(&text, "net.toml").expect("a spec");
        spec.resolve(&Overrides::default()).expect("resolves")
    }

    /// An example, or another spec beside it.
    fn spec(path: &str) -> Workload {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../workload/");
        let text = std::fs::read_to_string(format!("{folder}{path}")).expect("a spec");
        let spec = Spec::parse(&text, path).expect("a spec");
        spec.resolve(&Overrides::default()).expect("resolves")
    }

    fn steps_of(workload: Workload) -> usize {
        plan(&job(workload)).steps
    }

    #[test]
    fn steps_are_counted_out_by_size() {
        assert_eq!(steps_of(built_in("fashion-mnist")), STEPS);
        let resnet50 = built_in("cifar10-resnet50");
        let in_bf16 = Workload {
            precision: Precision::Bf16,
            ..resnet50.clone()
        };
        let in_batches_of_8 = Workload {
            batch_size: 8,
            ..resnet50.clone()
        };
        assert!(steps_of(resnet50) >= 6);
        assert!(steps_of(in_bf16) >= 6);
        assert!(steps_of(in_batches_of_8) > 6);
        assert_eq!(steps_of(dense(100)), STEPS);
        assert_eq!(steps_of(dense(10_000)), 6);
        for example in ["mlp", "small-cnn"] {
            assert_eq!(
                steps_of(spec(&format!("workloads/examples/{example}.toml"))),
                STEPS
            );
        }
    }

    #[test]
    fn the_largest_models_get_the_least_steps_all_the_same() {
        let huge = Costs::of(&job(dense(1 << 20)));
        assert!(huge.of_gate(LEAST_STEPS) > huge.affordable);
        assert_eq!(huge.steps(), LEAST_STEPS);
    }

    /// On two quiet cores: what the constants say of them was measured with a release build.
    #[test]
    fn nobody_waits_for_long() {
        let seconds = |workload: Workload| {
            let costs = Costs::of(&job(workload));
            costs.of_gate(costs.steps()) as f64 / (2 * COST_A_SECOND) as f64
        };
        for example in ["mlp", "small-cnn", "vgg"] {
            let seconds = seconds(spec(&format!("workloads/examples/{example}.toml")));
            assert!(seconds <= 5.0, "{example}: {seconds:.1} s");
        }
        let seconds = seconds(spec("tests/specs/resnet20.toml"));
        assert!(seconds <= 20.0, "ResNet20: {seconds:.1} s");
    }

    /// The oracle trains 3 steps; two states are met twice more each, and the last batch twice.
    #[test]
    fn all_that_is_executed_is_counted() {
        let costs = Costs::of(&job(dense(100)));
        assert_eq!(costs.of_gate(3), 9 * costs.step + 2 * costs.scoring);
        assert_eq!(costs.of_gate(20), 30 * costs.step + 2 * costs.scoring);
    }

    #[test]
    fn draws_are_paid_for_with_later_checks() {
        let budget = Budget {
            steps: STEPS,
            step_cost: 10,
            left_for_draws: Cell::new(15),
        };
        assert!(budget.has_check(3));
        budget.take_draw();
        assert!(budget.has_check(3));
        budget.take_draw();
        assert!(!budget.has_check(3) && !budget.has_check(LEAST_CHECKED));
        assert!(budget.has_check(LEAST_CHECKED - 1));
    }

    #[test]
    fn what_does_not_fit_into_memory_is_refused() {
        if memory::left().is_none() {
            return;
        }
        let refused = Budget::of(&job(dense(1 << 22))).err();
        let what = refused.expect("half a terabyte is not left").to_string();
        assert!(what.contains("GiB") && what.contains("left of"), "{what}");
    }
}
