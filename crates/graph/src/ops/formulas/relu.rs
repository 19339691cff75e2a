use super::{Algebra, Formula, Keeps};

/// max(x, 0).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relu;

impl Formula for Relu {
    const GRADIENT: &'static str = "relu_grad";
    const KEEPS: Keeps = Keeps::Sign;
    const FLOPS: [u64; 2] = [1, 1];

    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        let zero = a.constant(0.0);
        a.max(zero, x)
    }

    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, y: A::Value, dy: A::Value) -> A::Value {
        let zero = a.constant(0.0);
        let is_positive = a.greater(y, zero);
        a.keep(is_positive, dy)
    }
}
