use super::{Definition, Form, Forward, Gradient, Saved, Shapes};
use crate::simplification::Simplification;

/// (x (B, H, W, C)) → (y (B, C)): the mean over all positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GlobalAvgPool;

/// (dy (B, C)) → (dx (B, H, W, C)): each dy is shared out evenly among all positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GlobalAvgPoolGrad;

impl Definition for GlobalAvgPool {
    fn name(&self) -> &'static str {
        "global_avg_pool"
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        of.input_elements(0)
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let dy = Saved::Flowing(Form::Same);
        Some(vec![Gradient::made(GlobalAvgPoolGrad, [dy], [0])])
    }
}

impl Definition for GlobalAvgPoolGrad {
    fn name(&self) -> &'static str {
        "global_avg_pool_grad"
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        of.input_elements(0)
    }
}
