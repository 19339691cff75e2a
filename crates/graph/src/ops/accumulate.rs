//! Gradients of several micro-batches, added up.

use super::{
    Definition,
    iteration::{
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at,
    },
};

/// (g, sum) → (sum), in place: `g` in a step's first micro-batch, `sum + g` in all others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accumulate;

impl Definition for Accumulate {
    fn name(&self) -> &'static str {
        "accumulate"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let place = at(axes.outputs[0]);
        let [g, sum] = [0, 1].map(|input| Input(input).at(&place[..]));
        let new_sum = Output(0).at(&place[..]);
        Space::each(1, &[&g, &sum], &[&new_sum]).into()
    }
}
