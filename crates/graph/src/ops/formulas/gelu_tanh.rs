use super::{Algebra, Formula, Keeps, algebra::logistic};

/// x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))), GELU as GPT-2 has it (Hendrycks & Gimpel 2016). It is computed
/// as x·σ(2√(2/π)·(x + 0.044715·x³)), the same without the difference of nearly equal numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeluTanh;

/// 2√(2/π).
const FACTOR: f64 = 1.595_769_121_605_731;
const CUBIC: f64 = 0.044_715;

/// σ(2√(2/π)·(x + 0.044715·x³)), and x².
#[inline(always)]
fn share<A: Algebra>(a: &mut A, x: A::Value) -> [A::Value; 2] {
    let square = a.mul(x, x);
    let (factor, cubic) = (a.constant(FACTOR), a.constant(FACTOR * CUBIC));
    let slope = a.mul_add(cubic, square, factor);
    let inner = a.mul(x, slope);
    [logistic(a, inner), square]
}

impl Formula for GeluTanh {
    const GRADIENT: &'static str = "gelu_tanh_grad";
    const KEEPS: Keeps = Keeps::Input;
    const FLOPS: [u64; 2] = [30, 40];

    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        let [share, _] = share(a, x);
        a.mul(x, share)
    }

    /// σ + x·σ·(1 − σ)·2√(2/π)·(1 + 3·0.044715·x²), times dy.
    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, x: A::Value, dy: A::Value) -> A::Value {
        let [share, square] = share(a, x);
        let (factor, cubic) = (a.constant(FACTOR), a.constant(3.0 * FACTOR * CUBIC));
        let inner = a.mul_add(cubic, square, factor);
        let one = a.constant(1.0);
        let rest = a.sub(one, share);
        let change = a.mul(share, rest);
        let change = a.mul(change, inner);
        let slope = a.mul_add(x, change, share);
        a.mul(dy, slope)
    }
}
