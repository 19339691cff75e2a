use super::{
    Algebra, Formula, Keeps,
    algebra::{absolute, logistic, negated, polynomial},
};

/// ln(1 + eˣ), computed as max(x, 0) + ln(1 + e⁻ˡˣˡ).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Softplus;

impl Formula for Softplus {
    const GRADIENT: &'static str = "softplus_grad";
    const KEEPS: Keeps = Keeps::Input;
    const FLOPS: [u64; 2] = [40, 21];

    /// ln(1 + u) of 0 ≤ u ≤ 1 is 2·artanh(s) with s = u/(2 + u) ≤ 1/3, whose series
    /// s + s³/3 + s⁵/5 + … leaves 10⁻⁸ of it after eight terms.
    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        let size = absolute(a, x);
        let opposite = negated(a, size);
        let u = a.exp(opposite);
        let two = a.constant(2.0);
        let below = a.add(two, u);
        let s = a.quotient(u, below);
        let square = a.mul(s, s);
        let [one, third] = [1.0, 1.0 / 3.0];
        let series = polynomial(
            a,
            square,
            [
                one,
                third,
                0.2,
                1.0 / 7.0,
                1.0 / 9.0,
                1.0 / 11.0,
                1.0 / 13.0,
                1.0 / 15.0,
            ],
        );
        let twice = a.add(s, s);
        let zero = a.constant(0.0);
        let is_positive = a.greater(x, zero);
        let at_least = a.select(is_positive, x, zero);
        a.mul_add(twice, series, at_least)
    }

    /// σ(x), times dy.
    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, x: A::Value, dy: A::Value) -> A::Value {
        let slope = logistic(a, x);
        a.mul(dy, slope)
    }
}
