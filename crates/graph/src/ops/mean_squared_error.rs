use super::{Definition, Form, Forward, Gradient, Saved, Shapes};
use crate::simplification::Simplification;

/// (y (B, N), bytes (B, …) of N values) → (loss_sum (1)): the sum over the batch of the mean over the values of
/// `(y − bytes / divisor)²`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanSquaredError {
    /// What pixels are divided by.
    pub divisor: f32,
}

/// (y (B, N), bytes (B, …)) → (dy (B, N)): `2 (y − bytes / divisor) / (B · N)`, the gradient of the *mean* loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanSquaredErrorGrad {
    /// What pixels are divided by.
    pub divisor: f32,
}

impl Definition for MeanSquaredError {
    fn name(&self) -> &'static str {
        "mean_squared_error"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![("divisor", self.divisor.to_string())]
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        4 * of.input_elements(0)
    }

    /// Backward begins here: no gradient flows into the loss.
    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let (y, pixels) = (Saved::Input(0, Form::Same), Saved::Input(1, Form::Same));
        let divisor = self.divisor;
        let op = MeanSquaredErrorGrad { divisor };
        Some(vec![Gradient::made(op, [y, pixels], [0])])
    }
}

impl Definition for MeanSquaredErrorGrad {
    fn name(&self) -> &'static str {
        "mean_squared_error_grad"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![("divisor", self.divisor.to_string())]
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        3 * of.input_elements(0)
    }
}
