//! One Program, or the Schedule that a backend lowered it to, with the values of its tensors.

use std::collections::HashSet;

use laptime_graph::{
    OpId, Operation, Program, Role, TensorId,
    schedule::{Kernel, Schedule},
};
use laptime_workload::dataset::Samples;

use crate::{Rounding, memory::Memory, ops};

/// A Program that the oracle executes.
pub(crate) struct Part<'a> {
    pub(crate) program: &'a Program,
    lowered: Option<(&'a Schedule, Memory<'a>)>,
    /// What was last computed of each tensor. Without a Schedule also where the state lives.
    values: Vec<Option<Vec<f64>>>,
}

impl<'a> Part<'a> {
    pub(crate) fn of_program(program: &'a Program) -> Self {
        Self {
            program,
            lowered: None,
            values: vec![None; program.tensors.len()],
        }
    }

    pub(crate) fn of_schedule(program: &'a Program, schedule: &'a Schedule) -> Self {
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

    /// Sets a tensor that is kept.
    pub(crate) fn set(&mut self, id: TensorId, values: Vec<f64>) {
        match &mut self.lowered {
            Some((_, memory)) => memory.write(id, &values, "the state"),
            None => self.values[id.0] = Some(values),
        }
    }

    /// A tensor as it is stored now.
    pub(crate) fn current(&self, id: TensorId) -> Vec<f64> {
        match &self.lowered {
            Some((_, memory)) => memory.read(id, "the session"),
            None => match &self.values[id.0] {
                Some(values) => values.clone(),
                None => panic!("`{}` has no value yet", self.program.tensor(id).name),
            },
        }
    }

    /// As [`Self::current`], without a copy where there is no Schedule.
    pub(crate) fn take(&mut self, id: TensorId) -> Vec<f64> {
        match (&self.lowered, self.values[id.0].take()) {
            (None, Some(values)) => values,
            _ => self.current(id),
        }
    }

    /// A tensor as it was last computed, if it was.
    pub(crate) fn value(&self, id: TensorId) -> Option<Vec<f64>> {
        self.values[id.0].clone()
    }

    /// Executes all of it on a batch.
    pub(crate) fn execute(&mut self, batch: &Samples, rules: Rules) {
        self.give(batch);
        match &mut self.lowered {
            Some((_, memory)) => {
                memory.begin_step();
                self.execute_schedule(rules);
            }
            None => {
                for operation in &self.program.operations {
                    rules.execute(self.program, operation, &mut self.values);
                }
            }
        }
    }

    /// Takes the batch and forgets what the one before computed.
    fn give(&mut self, batch: &Samples) {
        for (value, tensor) in self.values.iter_mut().zip(&self.program.tensors) {
            let given = match tensor.role {
                Role::Input { .. } => batch.array(&tensor.name).numbers(),
                Role::Parameter(_)
                | Role::Statistic(_)
                | Role::Moment { .. }
                | Role::Accumulator { .. } => continue,
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

    fn execute_schedule(&mut self, rules: Rules) {
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
}

/// How operations are done.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// The step, counted from 1.
    pub(crate) step: u64,
    /// The place of the batch's first sample in the step.
    pub(crate) first: usize,
    pub(crate) rounding: Rounding,
    pub(crate) reduced_precision: bool,
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
                ops::execute(program, operation, &inputs, (self.step, self.first))
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
