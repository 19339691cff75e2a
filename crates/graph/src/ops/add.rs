use super::{Definition, Forward, Gradient, Shapes};
use crate::simplification::Simplification;

/// (a, b) → (y): `y = a + b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Add;

impl Definition for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        of.input_elements(0)
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        Some(vec![Gradient::Pass(vec![0, 1])])
    }
}
