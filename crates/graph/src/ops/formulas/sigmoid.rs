use super::{Algebra, Formula, Keeps, algebra::logistic};

/// σ(x) = 1/(1 + e⁻ˣ).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sigmoid;

impl Formula for Sigmoid {
    const GRADIENT: &'static str = "sigmoid_grad";
    const KEEPS: Keeps = Keeps::Output;
    const FLOPS: [u64; 2] = [20, 3];

    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        logistic(a, x)
    }

    /// y·(1 − y), times dy.
    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, y: A::Value, dy: A::Value) -> A::Value {
        let one = a.constant(1.0);
        let rest = a.sub(one, y);
        let slope = a.mul(y, rest);
        a.mul(dy, slope)
    }
}
