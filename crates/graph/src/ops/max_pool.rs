use laptime_workload::Window;

use super::{
    Definition, Form, Forward, Gradient, Saved,
    definition::window_constants,
    iteration::{
        Index::{Met, MetBy},
        Iteration,
        Operand::{self, Input, Output, Temporary},
        OperandAxes, Space, at, through,
    },
};
use crate::axis::Axis;

/// (x (B, H, W, C)) → (y (B, H', W', C)): the largest value in each window; what lies outside
/// of x never wins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaxPool {
    /// What of x each value of y sees.
    pub window: Window,
}

/// (x, y, dy) → (dx): each dy goes to the first (row by row) largest value of its window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaxPoolGrad {
    /// The pool's.
    pub window: Window,
}

impl Definition for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let x = Input(0).at(through(&self.window, Met, Axis::Channel));
        Space::fold(1, &[&x], &[&Output(0).at(at(axes.outputs[0]))]).into()
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let window = self.window;
        let (x, y) = (Saved::Input(0, Form::Same), Saved::Output(0, Form::Same));
        let reads = [x, y, Saved::Flowing(Form::Same)];
        Some(vec![Gradient::made(MaxPoolGrad { window }, reads, [0])])
    }
}

impl Definition for MaxPoolGrad {
    fn name(&self) -> &'static str {
        "max_pool_grad"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    /// First which value of each window wins, then what each value has won.
    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let [x, y, dy] = [0, 1, 2].map(Input);
        let winner = Temporary(0);
        let met = |operand: Operand| operand.at(through(&self.window, Met, Axis::Channel));
        let met_by = |operand: Operand| operand.at(through(&self.window, MetBy, Axis::Channel));
        let at_windows = |operand: Operand| operand.at(at(axes.inputs[1]));
        vec![
            Space::fold(1, &[&met(x), &at_windows(y)], &[&at_windows(winner)]),
            Space::sum(
                0,
                &[&met_by(winner), &met_by(dy)],
                &[&Output(0).at(at(axes.outputs[0]))],
            ),
        ]
        .into()
    }
}
