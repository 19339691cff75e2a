use super::{Algebra, Formula, Keeps, algebra::hyperbolic_tangent};

/// The hyperbolic tangent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tanh;

impl Formula for Tanh {
    const GRADIENT: &'static str = "tanh_grad";
    const KEEPS: Keeps = Keeps::Output;
    const FLOPS: [u64; 2] = [30, 3];

    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        hyperbolic_tangent(a, x)
    }

    /// 1 − y², times dy.
    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, y: A::Value, dy: A::Value) -> A::Value {
        let one = a.constant(1.0);
        let square = a.mul(y, y);
        let slope = a.sub(one, square);
        a.mul(dy, slope)
    }
}
