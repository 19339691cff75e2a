use super::{Algebra, Formula, Keeps, algebra::normal_distribution};

/// x·Φ(x), Φ the normal distribution's (Hendrycks & Gimpel 2016).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gelu;

impl Formula for Gelu {
    const GRADIENT: &'static str = "gelu_grad";
    const KEEPS: Keeps = Keeps::Input;
    const FLOPS: [u64; 2] = [40, 60];

    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        let share = normal_distribution(a, x);
        a.mul(x, share)
    }

    /// Φ(x) + x·φ(x), times dy.
    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, x: A::Value, dy: A::Value) -> A::Value {
        let share = normal_distribution(a, x);
        let half = a.constant(-0.5);
        let exponent = a.mul(half, x);
        let exponent = a.mul(exponent, x);
        let power = a.exp(exponent);
        let height = a.constant(0.398_942_280_401_432_7); // 1/√(2π)
        let density = a.mul(height, power);
        let slope = a.mul_add(x, density, share);
        a.mul(dy, slope)
    }
}
