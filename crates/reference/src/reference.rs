//! Executes a Program, or the Schedule that a backend lowered it to, operation by operation.

use std::collections::HashSet;

use laptime_graph::{
    Mode, OpId, Operation, Program, Role, State, StateTensor, TensorId,
    schedule::{Kernel, Schedule},
};
use laptime_workload::{MOST_METRICS, dataset::Samples};

use crate::{Rounding, memory::Memory, ops};

/// The oracle for one Program, with its state.
///
/// Panics, saying what is wrong, on what no right Program, Schedule or State contains.
pub struct Reference<'a> {
    program: &'a Program,
    lowered: Option<(&'a Schedule, Memory<'a>)>,
    /// What was last computed of each tensor. Without a Schedule also where the state lives.
    values: Vec<Option<Vec<f64>>>,
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
        Self {
            program,
            lowered: None,
            values: vec![None; program.tensors.len()],
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

    /// Executes a Schedule of the Program, kernel by kernel: every kernel reads its inputs from
    /// emulated arenas through their layouts, keeps aside what is internal to it, and writes its
    /// outputs back. Slices and threads are not told apart: a kernel is done as a whole.
    /// [`Self::set_state`] comes before the first step.
    pub fn of_schedule(program: &'a Program, schedule: &'a Schedule) -> Self {
        let kernels = kernels(schedule);
        let done: HashSet<OpId> = kernels
            .flat_map(|(_, kernel)| kernel.operations.iter().copied())
            .collect();
        for (id, operation) in program.operations_by_id() {
            assert!(
                done.contains(&id),
                "no kernel does `{}`",
                program.describe(operation)
            );
        }
        Self {
            lowered: Some((schedule, Memory::new(program, schedule))),
            ..Self::of_program(program)
        }
    }

    /// Continues from this state. What the Program has no use for is ignored: an evaluation takes
    /// a training's state and leaves its moments alone.
    pub fn set_state(&mut self, state: &State) {
        self.steps = state.steps;
        let given_by_name = state.by_name();
        for (id, tensor) in self.program.persistent() {
            let Some(given) = given_by_name.get(tensor.name.as_str()) else {
                panic!("the state lacks `{}`", tensor.name);
            };
            assert_eq!(
                given.values.len(),
                tensor.elements(),
                "the state's `{}` has another size",
                tensor.name
            );
            match &mut self.lowered {
                Some((_, memory)) => memory.write(id, &given.values, "the state"),
                None => self.values[id.0] = Some(given.values.clone()),
            }
        }
    }

    /// All that lives across steps, as it is now.
    pub fn state(&self) -> State {
        let tensors = self.program.persistent();
        State {
            steps: self.steps,
            tensors: tensors
                .map(|(id, tensor)| StateTensor {
                    name: tensor.name.clone(),
                    shape: tensor.shape.clone(),
                    values: self.current(id),
                })
                .collect(),
        }
    }

    /// As [`Self::state`], without a copy of it where there is no Schedule.
    pub fn into_state(mut self) -> State {
        let steps = self.steps;
        let tensors = self.program.persistent().map(|(id, tensor)| {
            let values = match (&self.lowered, self.values[id.0].take()) {
                (None, Some(values)) => values,
                _ => self.current(id),
            };
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

    /// Does one step on a batch of as many samples as the Program's. A training Program updates the state
    /// and counts the step; an evaluation Program only scores.
    pub fn step(&mut self, batch: &Samples) -> Step {
        self.give(batch);
        match &mut self.lowered {
            Some((_, memory)) => {
                memory.begin_step();
                self.execute_schedule();
            }
            None => self.execute_program(),
        }
        if self.program.mode == Mode::Training {
            self.steps += 1;
        }
        let mut sums = [0.0; MOST_METRICS];
        for (sum, metric) in sums.iter_mut().zip(&self.program.metrics) {
            *sum = self.current(*metric)[0];
        }
        Step { sums }
    }

    /// A tensor as the last step computed it, or `None` where no step has: logits and gradients
    /// among others, also those that live inside a kernel or whose memory was reused since.
    pub fn value(&self, tensor: TensorId) -> Option<Vec<f64>> {
        self.values[tensor.0].clone()
    }

    /// Takes the step's batch and forgets what the step before computed.
    fn give(&mut self, batch: &Samples) {
        for (value, tensor) in self.values.iter_mut().zip(&self.program.tensors) {
            let given = match tensor.role {
                Role::Input { .. } => batch.array(&tensor.name).numbers(),
                Role::Parameter(_) | Role::Statistic(_) | Role::Moment { .. } => continue,
                Role::Activation | Role::Gradient { .. } | Role::Rounded { .. } | Role::Metric => {
                    *value = None;
                    continue;
                }
            };
            assert_eq!(
                given.len(),
                tensor.elements(),
                "`{}` given to the step has another size",
                tensor.name
            );
            *value = Some(given);
        }
    }

    fn execute_program(&mut self) {
        let rules = self.rules();
        for operation in &self.program.operations {
            rules.execute(self.program, operation, &mut self.values);
        }
    }

    fn rules(&self) -> Rules {
        Rules {
            step: self.steps + 1,
            rounding: self.rounding,
            reduced_precision: self.reduced_precision,
        }
    }

    fn execute_schedule(&mut self) {
        let rules = self.rules();
        let Some((schedule, memory)) = &mut self.lowered else {
            return;
        };
        for (stage, kernel) in kernels(schedule) {
            let reader = kernel_name(stage, kernel);
            let given = |id: TensorId| matches!(self.program.tensor(id).role, Role::Input { .. });
            let mut made: Vec<TensorId> = Vec::new();
            for &id in &kernel.operations {
                let operation = self.program.operation(id);
                for &input in &operation.inputs {
                    if !made.contains(&input) && !given(input) {
                        assert!(
                            touches(kernel, input, false),
                            "{reader} does not say that it reads `{}`",
                            self.program.tensor(input).name
                        );
                        self.values[input.0] = Some(memory.read(input, &reader));
                    }
                }
                rules.execute(self.program, operation, &mut self.values);
                made.extend(&operation.outputs);
            }
            for id in made {
                let name = &self.program.tensor(id).name;
                assert_eq!(
                    memory.has(id),
                    touches(kernel, id, true),
                    "`{name}` has a buffer, or {reader} says that it writes it, but not both"
                );
                if memory.has(id) {
                    let values = self.values[id.0].as_deref().expect("just made");
                    memory.write(id, values, &reader);
                }
            }
        }
    }

    /// A tensor as it is stored now.
    fn current(&self, id: TensorId) -> Vec<f64> {
        match &self.lowered {
            Some((_, memory)) => memory.read(id, "the session"),
            None => match &self.values[id.0] {
                Some(values) => values.clone(),
                None => panic!("`{}` has no value yet", self.program.tensor(id).name),
            },
        }
    }
}

/// How operations of a step are done.
#[derive(Clone, Copy)]
struct Rules {
    /// Counted from 1.
    step: u64,
    rounding: Rounding,
    reduced_precision: bool,
}

impl Rules {
    /// Does one operation on the values that are there.
    fn execute(self, program: &Program, operation: &Operation, values: &mut [Option<Vec<f64>>]) {
        let missing = |id: TensorId| -> ! {
            panic!(
                "`{}` reads `{}` before it is computed",
                program.describe(operation),
                program.tensor(id).name
            )
        };
        let op = &operation.op;
        let outputs = if op.definition().is_update() {
            // In place: a model's parameters and moments are most of its memory.
            let take = |id: &TensorId| values[id.0].take().unwrap_or_else(|| missing(*id));
            let mut updated: Vec<Vec<f64>> = operation.outputs.iter().map(take).collect();
            let gradient = operation.inputs[0];
            let given = values[gradient.0].as_deref();
            let given = given.unwrap_or_else(|| missing(gradient));
            let rate_share = ops::rate_share(program.rate_schedule, self.step);
            ops::update(op, given, &mut updated, self.step, rate_share);
            self.rounding.round(op, &[], &mut updated);
            updated
        } else {
            let value = |id: &TensorId| {
                let value = values[id.0].as_deref();
                value.unwrap_or_else(|| missing(*id))
            };
            let inputs: Vec<&[f64]> = operation.inputs.iter().map(value).collect();
            let mut outputs = if op.definition().is_rounding() && !self.reduced_precision {
                vec![inputs[0].to_vec()]
            } else {
                ops::execute(program, operation, &inputs, self.step)
            };
            self.rounding.round(op, &inputs, &mut outputs);
            outputs
        };
        for (id, made) in operation.outputs.iter().zip(outputs) {
            values[id.0] = Some(made);
        }
    }
}

fn kernels(schedule: &Schedule) -> impl Iterator<Item = (usize, &Kernel)> {
    schedule
        .stages
        .iter()
        .enumerate()
        .flat_map(|(number, stage)| stage.kernels.iter().map(move |kernel| (number, kernel)))
}

/// Whether a kernel says that it touches a tensor's buffer.
fn touches(kernel: &Kernel, tensor: TensorId, write: bool) -> bool {
    kernel
        .accesses
        .iter()
        .any(|access| access.tensor == tensor && (access.write || !write))
}

fn kernel_name(stage: usize, kernel: &Kernel) -> String {
    let operations: Vec<String> = kernel
        .operations
        .iter()
        .map(|OpId(number)| number.to_string())
        .collect();
    format!("the kernel {} of stage {stage}", operations.join(" + "))
}
