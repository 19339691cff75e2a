//! Programs as text: what `explain` shows, and what a Program's digest is taken of.

use std::fmt;

use laptime_workload::hexadecimal;
use sha2::{Digest, Sha256};

use crate::{
    micro_batch::MicroBatch,
    program::{Mode, Operation, Program},
    tensor::TensorId,
};

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mode = match self.mode {
            Mode::Training => "training",
            Mode::Evaluation => "evaluation",
        };
        writeln!(
            f,
            "program {mode}, batch {}: {} operations, {} parameters, {:.3} MFLOP in products",
            self.batch_size,
            self.operations.len(),
            self.parameter_count(),
            self.model_flops() as f64 / 1e6,
        )?;
        if let Some(MicroBatch {
            size,
            step_size,
            is_last,
        }) = self.micro_batch
        {
            let which = match is_last {
                true => "the last one, which updates parameters",
                false => "one that adds up gradients",
            };
            writeln!(
                f,
                "micro-batches of {size} in a step of {step_size}: {which}"
            )?;
        }
        if let Some(schedule) = self.rate_schedule {
            let constants = schedule.constants();
            let constants: Vec<String> = constants
                .iter()
                .map(|(name, value)| format!("{name} {value}"))
                .collect();
            let name = schedule.name();
            writeln!(f, "learning rate {name}({})", constants.join(", "))?;
        }
        for (id, operation) in self.operations_by_id() {
            writeln!(f, "  {:>3}  {}", id.0, self.describe(operation))?;
        }
        if !self.fusions.is_empty() {
            writeln!(f, "fusion candidates")?;
        }
        for fusion in &self.fusions {
            let operations: Vec<String> = fusion
                .operations
                .iter()
                .map(|id| id.0.to_string())
                .collect();
            writeln!(
                f,
                "  {:<22} {}",
                fusion.kind.as_str(),
                operations.join(" + ")
            )?;
        }
        Ok(())
    }
}

impl Program {
    /// One operation as text: `fc1.product (32, 128) = dense(input, fc1.weight)`.
    pub fn describe(&self, operation: &Operation) -> String {
        let names = |ids: &[TensorId]| {
            ids.iter()
                .map(|id| self.tensor(*id).name.clone())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let outputs: Vec<String> = operation
            .outputs
            .iter()
            .map(|id| {
                format!(
                    "{} {}",
                    self.tensor(*id).name,
                    shape_text(&self.tensor(*id).shape)
                )
            })
            .collect();
        format!(
            "{} = {}({})",
            outputs.join(", "),
            operation.op,
            names(&operation.inputs)
        )
    }

    /// SHA-256 over the Program as text, as lower-case hexadecimal digits: two Programs with the
    /// same digest compute the same.
    pub fn digest(&self) -> String {
        hexadecimal(&Sha256::digest(self.to_string().as_bytes()))
    }
}

/// A shape as text: `(32, 128)`.
pub fn shape_text(shape: &[usize]) -> String {
    let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("({})", extents.join(", "))
}
