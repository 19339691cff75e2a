use super::{Algebra, Formula, Keeps, algebra::between};

/// x·min(max(x + 3, 0), 6)/6 (Howard et al. 2019, MobileNetV3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HardSwish;

impl Formula for HardSwish {
    const GRADIENT: &'static str = "hard_swish_grad";
    const KEEPS: Keeps = Keeps::Input;
    const FLOPS: [u64; 2] = [4, 4];

    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        let (zero, half, one) = (a.constant(0.0), a.constant(0.5), a.constant(1.0));
        let sixth = a.constant(1.0 / 6.0);
        let inside = a.mul_add(x, sixth, half);
        let corners = [a.constant(-3.0), a.constant(3.0)];
        let share = between(a, x, corners, [zero, inside, one]);
        a.mul(x, share)
    }

    /// 0, (2x + 3)/6 or 1, times dy.
    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, x: A::Value, dy: A::Value) -> A::Value {
        let (zero, half, one) = (a.constant(0.0), a.constant(0.5), a.constant(1.0));
        let third = a.constant(1.0 / 3.0);
        let inside = a.mul_add(x, third, half);
        let corners = [a.constant(-3.0), a.constant(3.0)];
        let slope = between(a, x, corners, [zero, inside, one]);
        a.mul(dy, slope)
    }
}
