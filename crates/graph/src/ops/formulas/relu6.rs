use super::{Algebra, Formula, Keeps, algebra::between};

/// min(max(x, 0), 6) (Howard et al. 2017, MobileNet).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relu6;

impl Formula for Relu6 {
    const GRADIENT: &'static str = "relu6_grad";
    const KEEPS: Keeps = Keeps::Input;
    const FLOPS: [u64; 2] = [2, 2];

    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        let (zero, six) = (a.constant(0.0), a.constant(6.0));
        between(a, x, [zero, six], [zero, x, six])
    }

    /// 1 between the corners, else 0, times dy.
    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, x: A::Value, dy: A::Value) -> A::Value {
        let slope = inside(a, x, [0.0, 6.0], 1.0);
        a.mul(dy, slope)
    }
}

/// This slope where x lies between two corners; 0 at them, beyond them and where x is not a number.
#[inline(always)]
pub(super) fn inside<A: Algebra>(
    a: &mut A,
    x: A::Value,
    corners: [f64; 2],
    slope: f64,
) -> A::Value {
    let [low, high] = corners.map(|corner| a.constant(corner));
    let (zero, slope) = (a.constant(0.0), a.constant(slope));
    let is_above = a.greater(x, low);
    let is_below = a.greater(high, x);
    let above = a.select(is_above, slope, zero);
    a.select(is_below, above, zero)
}
