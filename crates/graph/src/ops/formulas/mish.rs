use super::{Algebra, Formula, Keeps};

/// x·tanh(ln(1 + eˣ)) (Misra 2019).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mish;

/// Above, tanh(ln(1 + eˣ)) is 1 in single precision, and e²ˣ would not fit into it for long.
const LARGEST: f64 = 20.0;

/// x or [`LARGEST`], e = e to that, and n = e·(e + 2): tanh(ln(1 + e)) is ((1 + e)² − 1)/((1 + e)² + 1), so
/// n/(n + 2).
#[inline(always)]
fn parts<A: Algebra>(a: &mut A, x: A::Value) -> [A::Value; 3] {
    let (largest, two) = (a.constant(LARGEST), a.constant(2.0));
    let is_above = a.greater(x, largest);
    let x = a.select(is_above, largest, x);
    let e = a.exp(x);
    let sum = a.add(e, two);
    let n = a.mul(e, sum);
    [x, e, n]
}

impl Formula for Mish {
    const GRADIENT: &'static str = "mish_grad";
    const KEEPS: Keeps = Keeps::Input;
    const FLOPS: [u64; 2] = [15, 22];

    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        let [_, _, n] = parts(a, x);
        let two = a.constant(2.0);
        let below = a.add(n, two);
        let share = a.quotient(n, below);
        a.mul(x, share)
    }

    /// n/(n + 2) + x·4e·(1 + e)/(n + 2)², times dy.
    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, x: A::Value, dy: A::Value) -> A::Value {
        let [x, e, n] = parts(a, x);
        let (two, four) = (a.constant(2.0), a.constant(4.0));
        let below = a.add(n, two);
        let share = a.quotient(n, below);
        let above = a.mul_add(e, e, e);
        let once = a.quotient(above, below);
        let twice = a.quotient(once, below);
        let quadruple = a.mul(four, twice);
        let slope = a.mul_add(x, quadruple, share);
        a.mul(dy, slope)
    }
}
