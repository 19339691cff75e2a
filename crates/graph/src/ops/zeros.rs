use super::{Definition, Shapes};
use crate::simplification::Simplification;

/// () → (z): zeros; the gradient of a bias in front of a batch norm, which takes away the mean
/// and so whatever was added to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zeros;

impl Definition for Zeros {
    fn name(&self) -> &'static str {
        "zeros"
    }

    fn flops(&self, _: &Shapes, _: &[Simplification]) -> u64 {
        0
    }

    fn makes_zeros(&self) -> bool {
        true
    }
}
