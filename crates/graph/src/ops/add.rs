use super::{Definition, Forward, Gradient, Iteration, OperandAxes};

/// (a, b) → (y): `y = a + b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Add;

impl Definition for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Iteration::pointwise(1, axes)
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        Some(vec![Gradient::Pass(vec![0, 1])])
    }

    fn is_sum(&self) -> bool {
        true
    }
}
