use super::{Algebra, Formula, Keeps, algebra::logistic};

/// x·σ(x), σ the logistic function (Elfwing et al. 2017), also called swish.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Silu;

impl Formula for Silu {
    const GRADIENT: &'static str = "silu_grad";
    const KEEPS: Keeps = Keeps::Input;
    const FLOPS: [u64; 2] = [22, 26];

    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        let share = logistic(a, x);
        a.mul(x, share)
    }

    /// σ·(1 + x·(1 − σ)), times dy.
    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, x: A::Value, dy: A::Value) -> A::Value {
        let share = logistic(a, x);
        let one = a.constant(1.0);
        let rest = a.sub(one, share);
        let inner = a.mul_add(x, rest, one);
        let slope = a.mul(share, inner);
        a.mul(dy, slope)
    }
}
