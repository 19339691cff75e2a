use super::{
    Definition, Form, Forward, Gradient, Saved,
    iteration::{
        Index::{At, Flat, Only},
        Iteration, Map,
        Operand::{self, Input, Output},
        OperandAxes, Space, at,
    },
};
use crate::axis::Axis;

/// (y (B, N), targets (B, …) of N values) → (loss_sum (1)): the sum over the batch of the mean over the values of
/// `(y − targets / divisor)²`. Targets are a column of the dataset: its own, or that of the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanSquaredError {
    /// What targets are divided by: what the input is where they are the input, else 1.
    pub divisor: f32,
}

/// (y (B, N), targets (B, …)) → (dy (B, N)): `2 (y − targets / divisor) / (B · N)`, the gradient of the *mean* loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanSquaredErrorGrad {
    /// What targets are divided by.
    pub divisor: f32,
}

/// y or its gradient. The loops are those of the targets, a row or an image a sample; here their values lie one
/// after the other.
fn in_vector(operand: Operand, targets: &[Axis]) -> Map {
    const SAMPLE: &[Axis] = &[Axis::Height, Axis::Width, Axis::Channel];
    let axes = SAMPLE.len() + 1 - targets.len();
    operand.at([At(Axis::Batch), Flat(&SAMPLE[axes..])])
}

impl Definition for MeanSquaredError {
    fn name(&self) -> &'static str {
        "mean_squared_error"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![("divisor", self.divisor.to_string())]
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let own = axes.inputs[1];
        let (y, targets) = (in_vector(Input(0), own), Input(1).at(at(own)));
        Space::sum(4, &[&y, &targets], &[&Output(0).at([Only])]).into()
    }

    /// Backward begins here: no gradient flows into the loss.
    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let (y, targets) = (Saved::Input(0, Form::Same), Saved::Input(1, Form::Same));
        let divisor = self.divisor;
        let op = MeanSquaredErrorGrad { divisor };
        Some(vec![Gradient::made(op, [y, targets], [0])])
    }
}

impl Definition for MeanSquaredErrorGrad {
    fn name(&self) -> &'static str {
        "mean_squared_error_grad"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![("divisor", self.divisor.to_string())]
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let own = axes.inputs[1];
        let [y, dy] = [Input(0), Output(0)].map(|operand| in_vector(operand, own));
        let targets = Input(1).at(at(own));
        Space::each(3, &[&y, &targets], &[&dy]).into()
    }
}
