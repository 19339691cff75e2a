use super::{
    Definition,
    iteration::{Iteration, Operand::Output, OperandAxes, Space, at},
};

/// () → (z): zeros; the gradient of a bias in front of a batch norm, which takes away the mean
/// and so whatever was added to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zeros;

impl Definition for Zeros {
    fn name(&self) -> &'static str {
        "zeros"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Space::copy(&[], &[&Output(0).at(at(axes.outputs[0]))]).into()
    }

    fn makes_zeros(&self) -> bool {
        true
    }
}
