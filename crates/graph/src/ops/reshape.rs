use super::{Definition, Form, Forward, Gradient, Saved, Shapes};
use crate::simplification::Simplification;

/// (x) → (y): the same values in row-major order, in another shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reshape;

impl Definition for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn flops(&self, _: &Shapes, _: &[Simplification]) -> u64 {
        0
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        Some(vec![Gradient::made(
            Self,
            [Saved::Flowing(Form::Same)],
            [0],
        )])
    }
}
