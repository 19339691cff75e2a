use super::{Definition, Forward, Gradient, Iteration, OperandAxes};

/// (x) → (y): every value rounded to bfloat16's 8 significant bits, to the nearest, of two as
/// near to the even one. What lies too close to 0 for a normal number means 0. The gradient
/// passes through as it is (the true one is 0 nearly everywhere).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Round;

impl Definition for Round {
    fn name(&self) -> &'static str {
        "round_bf16"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Iteration::pointwise(1, axes)
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        Some(vec![Gradient::Pass(vec![0])])
    }

    fn is_rounding(&self) -> bool {
        true
    }
}
