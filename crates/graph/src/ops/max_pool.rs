use laptime_workload::Window;

use super::{
    Definition, Form, Forward, Gradient, Saved, Shapes,
    definition::{window_area, window_constants},
};
use crate::simplification::Simplification;

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

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        of.output_elements(0) * window_area(&self.window)
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

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        of.input_elements(1) * window_area(&self.window)
    }
}
