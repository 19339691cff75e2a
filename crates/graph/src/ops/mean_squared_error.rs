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
    /// What takes the place of B in a step of several micro-batches: the samples of all of them.
    pub mean_of: Option<usize>,
}

/// y or its gradient. The loops are those of the pixels; here their values lie one after the other.
fn in_vector(operand: Operand) -> Map {
    const SAMPLE: &[Axis] = &[Axis::Height, Axis::Width, Axis::Channel];
    operand.at([At(Axis::Batch), Flat(SAMPLE)])
}

impl Definition for MeanSquaredError {
    fn name(&self) -> &'static str {
        "mean_squared_error"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![("divisor", self.divisor.to_string())]
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let (y, pixels) = (in_vector(Input(0)), Input(1).at(at(axes.inputs[1])));
        Space::sum(4, &[&y, &pixels], &[&Output(0).at([Only])]).into()
    }

    /// Backward begins here: no gradient flows into the loss.
    fn gradient(&self, forward: Forward) -> Option<Vec<Gradient>> {
        let (y, pixels) = (Saved::Input(0, Form::Same), Saved::Input(1, Form::Same));
        let divisor = self.divisor;
        let op = MeanSquaredErrorGrad {
            divisor,
            mean_of: forward.mean_of,
        };
        Some(vec![Gradient::made(op, [y, pixels], [0])])
    }
}

impl Definition for MeanSquaredErrorGrad {
    fn name(&self) -> &'static str {
        "mean_squared_error_grad"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        let mean_of = self.mean_of.map(|samples| ("mean_of", samples.to_string()));
        let divisor = ("divisor", self.divisor.to_string());
        [divisor].into_iter().chain(mean_of).collect()
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let [y, dy] = [Input(0), Output(0)].map(in_vector);
        let pixels = Input(1).at(at(axes.inputs[1]));
        Space::each(3, &[&y, &pixels], &[&dy]).into()
    }
}
