//! Executes steps of a Program, or of the Schedule that a backend lowered it to, operation by operation; where a
//! step is several micro-batches, one after the other.

use std::collections::HashMap;

use laptime_graph::{
    Mode, Program, Role, State, StateTensor, TensorId, TrainingStep, schedule::Schedule,
};
use laptime_workload::{MOST_METRICS, dataset::Samples};

use crate::{
    Rounding,
    part::{Part, Rules},
};

/// The oracle for one Program, or for those of a step, with its state.
///
/// Panics, saying what is wrong, on what no right Program, Schedule or State contains.
pub struct Reference<'a> {
    /// What each micro-batch but the last does, and how many those are.
    accumulating: Option<(Part<'a>, usize)>,
    /// The Program that ends a step. The state is here between two steps.
    last: Part<'a>,
    /// The logits of all micro-batches but the last.
    earlier_logits: Vec<f64>,
    steps: u64,
    rounding: Rounding,
    reduced_precision: bool,
}

/// How one step's batch did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The sum over the batch of each of the loss's metrics, in their order; 0 behind the last.
    pub sums: [f64; MOST_METRICS],
}

impl Step {
    /// The sum of the batch's losses.
    pub fn loss_sum(&self) -> f64 {
        self.sums[0]
    }
}

impl<'a> Reference<'a> {
    /// Executes the Program's operations one after another, every tensor in a place of its own.
    /// [`Self::set_state`] comes before the first step.
    pub fn of_program(program: &'a Program) -> Self {
        Self::of_parts(None, Part::of_program(program))
    }

    /// The same of the Programs of a training step.
    pub fn of_step(step: &'a TrainingStep) -> Self {
        let accumulating = step.accumulating.as_ref();
        let accumulating = accumulating.map(|(one, times)| (Part::of_program(one), *times));
        Self::of_parts(accumulating, Part::of_program(&step.last))
    }

    /// Executes a Schedule of the Program, kernel by kernel: every kernel reads its inputs from
    /// emulated arenas through their layouts, keeps aside what is internal to it, and writes its
    /// outputs back. Slices and threads are not told apart: a kernel is done as a whole.
    /// [`Self::set_state`] comes before the first step.
    pub fn of_schedule(program: &'a Program, schedule: &'a Schedule) -> Self {
        Self::of_parts(None, Part::of_schedule(program, schedule))
    }

    /// The same of the Schedules of a training step's Programs, in the order of [`TrainingStep::programs`].
    pub fn of_lowered_step(step: &'a TrainingStep, schedules: &[&'a Schedule]) -> Self {
        let parts = step.programs().zip(schedules);
        let mut parts: Vec<(Part, usize)> = parts
            .map(|((program, times), schedule)| (Part::of_schedule(program, schedule), times))
            .collect();
        let (last, _) = parts.pop().expect("a step has a Program, with a Schedule");
        Self::of_parts(parts.pop(), last)
    }

    fn of_parts(accumulating: Option<(Part<'a>, usize)>, last: Part<'a>) -> Self {
        Self {
            accumulating,
            last,
            earlier_logits: Vec::new(),
            steps: 0,
            rounding: Rounding::None,
            reduced_precision: true,
        }
    }

    /// The same apart from the Program's precision: its rounding points pass values on as they are.
    pub fn without_rounding_points(self) -> Self {
        Self {
            reduced_precision: false,
            ..self
        }
    }

    /// The same, with results rounded on the way.
    pub fn with_rounding(self, rounding: Rounding) -> Self {
        Self { rounding, ..self }
    }

    /// Continues from this state. What the Program has no use for is ignored: an evaluation takes
    /// a training's state and leaves its moments alone.
    pub fn set_state(&mut self, state: &State) {
        self.steps = state.steps;
        let given_by_name = state.by_name();
        for (id, tensor) in self.last.program.persistent() {
            let Some(given) = given_by_name.get(tensor.name.as_str()) else {
                panic!("the state lacks `{}`", tensor.name);
            };
            assert_eq!(
                given.values.len(),
                tensor.elements(),
                "the state's `{}` has another size",
                tensor.name
            );
            self.last.set(id, given.values.clone());
        }
    }

    /// All that lives across steps, as it is now.
    pub fn state(&self) -> State {
        let tensors = self.last.program.persistent();
        State {
            steps: self.steps,
            tensors: tensors
                .map(|(id, tensor)| StateTensor {
                    name: tensor.name.clone(),
                    shape: tensor.shape.clone(),
                    values: self.last.current(id),
                })
                .collect(),
        }
    }

    /// As [`Self::state`], without a copy of it where there is no Schedule.
    pub fn into_state(mut self) -> State {
        let steps = self.steps;
        let tensors = self.last.program.persistent().map(|(id, tensor)| {
            let values = self.last.take(id);
            StateTensor {
                name: tensor.name.clone(),
                shape: tensor.shape.clone(),
                values,
            }
        });
        State {
            steps,
            tensors: tensors.collect(),
        }
    }

    /// Does one step on a batch of as many samples as its Programs take. A training Program updates the state
    /// and counts the step; an evaluation Program only scores.
    pub fn step(&mut self, batch: &Samples) -> Step {
        let mut step = Step {
            sums: [0.0; MOST_METRICS],
        };
        self.earlier_logits.clear();
        let rules = |first| Rules {
            step: self.steps + 1,
            first,
            rounding: self.rounding,
            reduced_precision: self.reduced_precision,
        };
        let mut first = 0;
        forget_sums(&mut self.last);
        if let Some((part, times)) = &mut self.accumulating {
            forget_sums(part);
            hand_over(&self.last, part, |role| role.is_persistent());
            let size = part.program.batch_size;
            for _ in 0..*times {
                let samples: Vec<u32> = (first..first + size).map(|one| one as u32).collect();
                part.execute(&batch.gather(&samples), rules(first));
                step.add(part);
                let logits = part.value(part.program.logits);
                self.earlier_logits.extend(logits.unwrap_or_default());
                first += size;
            }
            let is_made =
                |role: &Role| matches!(role, Role::Statistic(_) | Role::Accumulator { .. });
            hand_over(part, &mut self.last, is_made);
        }
        if first == 0 {
            self.last.execute(batch, rules(0));
        } else {
            let samples: Vec<u32> = (first..batch.count()).map(|one| one as u32).collect();
            self.last.execute(&batch.gather(&samples), rules(first));
        }
        step.add(&self.last);
        if self.last.program.mode == Mode::Training {
            self.steps += 1;
        }
        step
    }

    /// A tensor as the last step (of several micro-batches, the last of them) computed it, or `None` where no step
    /// has: logits and gradients among others, also those that live inside a kernel or whose memory was reused
    /// since.
    pub fn value(&self, tensor: TensorId) -> Option<Vec<f64>> {
        self.last.value(tensor)
    }

    /// The logits of all samples of the last step.
    pub fn logits(&self) -> Vec<f64> {
        let last = self.last.value(self.last.program.logits);
        [&self.earlier_logits[..], &last.unwrap_or_default()].concat()
    }
}

impl Step {
    fn add(&mut self, part: &Part) {
        for (sum, metric) in self.sums.iter_mut().zip(&part.program.metrics) {
            *sum += part.current(*metric)[0];
        }
    }
}

/// Whoever reads a sum that is none yet gets what is no number.
fn forget_sums(part: &mut Part) {
    for (id, tensor) in part.program.kept() {
        if matches!(tensor.role, Role::Accumulator { .. }) {
            part.set(id, vec![f64::NAN; tensor.elements()]);
        }
    }
}

/// Gives the kept tensors of such roles to the Program that goes on with them, where it has them.
fn hand_over(from: &Part, to: &mut Part, wanted: impl Fn(&Role) -> bool) {
    let program = to.program;
    let by_name: HashMap<&str, TensorId> = program
        .kept()
        .map(|(id, tensor)| (tensor.name.as_str(), id))
        .collect();
    for (id, tensor) in from.program.kept() {
        if wanted(&tensor.role)
            && let Some(other) = by_name.get(tensor.name.as_str())
        {
            to.set(*other, from.current(id));
        }
    }
}
