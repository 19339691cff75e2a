use laptime_workload::Window;

use super::{
    Definition, Form, Forward, Gradient, Saved, Shapes,
    definition::{window_area, window_constants},
};
use crate::simplification::Simplification;

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

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        of.output_elements(0) * window_area(&self.window)
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

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        of.input_elements(0) * window_area(&self.window)
    }
}
