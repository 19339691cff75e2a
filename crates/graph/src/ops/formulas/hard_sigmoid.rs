use super::{Algebra, Formula, Keeps, algebra::between, relu6::inside};

/// min(max(x + 3, 0), 6)/6 (Howard et al. 2019, MobileNetV3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HardSigmoid;

impl Formula for HardSigmoid {
    const GRADIENT: &'static str = "hard_sigmoid_grad";
    const KEEPS: Keeps = Keeps::Input;
    const FLOPS: [u64; 2] = [4, 3];

    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        let (zero, half, one) = (a.constant(0.0), a.constant(0.5), a.constant(1.0));
        let sixth = a.constant(1.0 / 6.0);
        let (low, high) = (a.constant(-3.0), a.constant(3.0));
        let within = a.mul_add(x, sixth, half);
        between(a, x, [low, high], [zero, within, one])
    }

    /// A sixth between the corners, else 0, times dy.
    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, x: A::Value, dy: A::Value) -> A::Value {
        let slope = inside(a, x, [-3.0, 3.0], 1.0 / 6.0);
        a.mul(dy, slope)
    }
}
