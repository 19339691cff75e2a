use laptime_workload::Window;

use super::{
    Definition, Form, Forward, Gradient, Saved,
    definition::window_constants,
    iteration::{
        Index::{Met, MetBy},
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at, through,
    },
};
use crate::axis::Axis;

/// (x (B, H, W, C)) → (y (B, H', W', C)): the mean of the values of x in each window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AvgPool {
    /// What of x each value of y sees.
    pub window: Window,
}

/// (dy) → (dx): each dy is shared out evenly among the values of its window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AvgPoolGrad {
    /// The pool's.
    pub window: Window,
}

impl Definition for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let x = Input(0).at(through(&self.window, Met, Axis::Channel));
        Space::sum(1, &[&x], &[&Output(0).at(at(axes.outputs[0]))]).into()
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let window = self.window;
        let dy = Saved::Flowing(Form::Same);
        Some(vec![Gradient::made(AvgPoolGrad { window }, [dy], [0])])
    }
}

impl Definition for AvgPoolGrad {
    fn name(&self) -> &'static str {
        "avg_pool_grad"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let dy = Input(0).at(through(&self.window, MetBy, Axis::Channel));
        Space::sum(1, &[&dy], &[&Output(0).at(at(axes.outputs[0]))]).into()
    }
}
