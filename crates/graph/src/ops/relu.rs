use super::{Definition, Form, Forward, Gradient, Iteration, OperandAxes, Saved};

/// (x) → (y): `max(x, 0)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relu;

/// (y, dy) → (dx): dy where y > 0, else 0. ReLU's output says as much as its input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReluGrad;

impl Definition for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Iteration::pointwise(1, axes)
    }

    /// Rounding changes no sign, and the rounded values are kept anyway.
    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let reads = [Saved::Output(0, Form::Stored), Saved::Flowing(Form::Same)];
        Some(vec![Gradient::made(ReluGrad, reads, [0])])
    }
}

impl Definition for ReluGrad {
    fn name(&self) -> &'static str {
        "relu_grad"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Iteration::pointwise(1, axes)
    }
}
