use super::{Algebra, Formula, Keeps, algebra::hyperbolic_tangent};

/// x where x > 0, else alpha·(eˣ − 1) (Clevert et al. 2015).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elu {
    /// Above 0.
    pub alpha: f64,
}

impl Formula for Elu {
    const GRADIENT: &'static str = "elu_grad";
    const KEEPS: Keeps = Keeps::Input;
    const FLOPS: [u64; 2] = [36, 12];

    fn constants(self) -> Vec<(&'static str, String)> {
        vec![("alpha", self.alpha.to_string())]
    }

    /// eˣ − 1 is 2t/(1 − t) with t = tanh(x/2): next to 0, the difference of eˣ and 1 has no digits left.
    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        let (zero, half, one) = (a.constant(0.0), a.constant(0.5), a.constant(1.0));
        let alpha = a.constant(self.alpha);
        let is_positive = a.greater(x, zero);
        let at_most = a.select(is_positive, zero, x);
        let halved = a.mul(at_most, half);
        let t = hyperbolic_tangent(a, halved);
        let twice = a.add(t, t);
        let below = a.sub(one, t);
        let less_one = a.quotient(twice, below);
        let less = a.mul(alpha, less_one);
        a.select(is_positive, x, less)
    }

    /// 1 or alpha·eˣ, times dy.
    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, x: A::Value, dy: A::Value) -> A::Value {
        let zero = a.constant(0.0);
        let alpha = a.constant(self.alpha);
        let is_positive = a.greater(x, zero);
        let at_most = a.select(is_positive, zero, x);
        let power = a.exp(at_most);
        let slope = a.mul(alpha, power);
        let less = a.mul(dy, slope);
        a.select(is_positive, dy, less)
    }
}
