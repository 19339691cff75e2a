//! What pointwise formulas are made of. They are written once, as generic functions over [`Algebra`], and run
//! on blocks of floats, in shaders and, in tests, on doubles.
//!
//! Every formula, helper and method of an instance is `#[inline(always)]`: a generic function that is not
//! inlined is compiled without its caller's instruction set.

/// The arithmetic of one place where formulas run. Not-a-number stays so in all of it, but for
/// [`Self::greater`], which it never is, and what gives one operand alone.
pub trait Algebra {
    /// What formulas are about.
    type Value: Copy;
    /// What [`Self::select`] chooses by.
    type Mask: Copy;

    /// A constant, rounded once from double precision.
    fn constant(&mut self, value: f64) -> Self::Value;
    /// `a + b`.
    fn add(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// `a − b`.
    fn sub(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// `a·b`.
    fn mul(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// `a/b`; 0 for finite a and infinite b.
    fn quotient(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// `a·b + c`, fused where that is possible.
    fn mul_add(&mut self, a: Self::Value, b: Self::Value, c: Self::Value) -> Self::Value;
    /// The larger; not-a-number where `b` is.
    fn max(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// Where a > b.
    fn greater(&mut self, a: Self::Value, b: Self::Value) -> Self::Mask;
    /// `yes` where the mask is true, else `no`; 0 may lose its sign.
    fn select(&mut self, mask: Self::Mask, yes: Self::Value, no: Self::Value) -> Self::Value;
    /// `a` where the mask is true, else 0, whatever `a` is there.
    fn keep(&mut self, mask: Self::Mask, a: Self::Value) -> Self::Value;
    /// `eᵃ` to within some units in the last place from −87 to 88; below, next to 0; above, at least 10³⁸. So
    /// what is divided by it need not be 0 to the last bit: of −10³⁸ SiLU may be −1.
    fn exp(&mut self, a: Self::Value) -> Self::Value;
}

/// `c₀ + c₁·x + c₂·x² + …`, by Horner's rule.
#[inline(always)]
pub(super) fn polynomial<A: Algebra, const N: usize>(
    a: &mut A,
    x: A::Value,
    coefficients: [f64; N],
) -> A::Value {
    let mut sum = a.constant(coefficients[N - 1]);
    for coefficient in coefficients[..N - 1].iter().rev() {
        let coefficient = a.constant(*coefficient);
        sum = a.mul_add(sum, x, coefficient);
    }
    sum
}

#[inline(always)]
pub(super) fn negated<A: Algebra>(a: &mut A, x: A::Value) -> A::Value {
    let zero = a.constant(0.0);
    a.sub(zero, x)
}

#[inline(always)]
pub(super) fn absolute<A: Algebra>(a: &mut A, x: A::Value) -> A::Value {
    let (zero, opposite) = (a.constant(0.0), negated(a, x));
    let is_positive = a.greater(x, zero);
    a.select(is_positive, x, opposite)
}

/// What is made of x below the first corner, between the two, and above the second.
#[inline(always)]
pub(super) fn between<A: Algebra>(
    a: &mut A,
    x: A::Value,
    [low, high]: [A::Value; 2],
    [below, inside, above]: [A::Value; 3],
) -> A::Value {
    let is_below = a.greater(low, x);
    let is_above = a.greater(x, high);
    let other = a.select(is_above, above, inside);
    a.select(is_below, below, other)
}

/// `1/(1 + e⁻ˣ)`.
#[inline(always)]
pub(super) fn logistic<A: Algebra>(a: &mut A, x: A::Value) -> A::Value {
    let opposite = negated(a, x);
    let power = a.exp(opposite);
    let one = a.constant(1.0);
    let below = a.add(one, power);
    a.quotient(one, below)
}

/// The hyperbolic tangent, as Cephes' `tanhf` (S. Moshier): an odd polynomial next to 0, where
/// `1 − 2/(e²ˣ + 1)` has no digits left.
#[inline(always)]
pub(super) fn hyperbolic_tangent<A: Algebra>(a: &mut A, x: A::Value) -> A::Value {
    let square = a.mul(x, x);
    let series = polynomial(
        a,
        square,
        [
            -3.333_328_194_22e-1,
            1.333_144_220_36e-1,
            -5.373_971_555_31e-2,
            2.063_908_879_54e-2,
            -5.704_988_727_45e-3,
        ],
    );
    let series = a.mul(series, square);
    let small = a.mul_add(series, x, x);

    let (one, two) = (a.constant(1.0), a.constant(2.0));
    let size = absolute(a, x);
    let twice = a.add(size, size);
    let power = a.exp(twice);
    let below = a.add(power, one);
    let share = a.quotient(two, below);
    let large = a.sub(one, share);
    let opposite = negated(a, large);
    let zero = a.constant(0.0);
    let is_negative = a.greater(zero, x);
    let large = a.select(is_negative, opposite, large);

    let bound = a.constant(0.625);
    let is_large = a.greater(size, bound);
    a.select(is_large, large, small)
}

/// The normal distribution's Φ(x): half of erfc(|x|/√2), or 1 less that, by the Chebyshev fit of Press et al.
/// (Numerical Recipes, `erfcc`), whose relative error is below 1.2·10⁻⁷ everywhere. In single precision that of
/// the lower tail grows as x², with the rounding of the exponent: some 25 units in the last place at −5.
#[inline(always)]
pub(super) fn normal_distribution<A: Algebra>(a: &mut A, x: A::Value) -> A::Value {
    let size = absolute(a, x);
    let root = a.constant(std::f64::consts::FRAC_1_SQRT_2);
    let z = a.mul(size, root);
    let (half, one) = (a.constant(0.5), a.constant(1.0));
    let below = a.mul_add(half, z, one);
    let t = a.quotient(one, below);
    let fit = polynomial(
        a,
        t,
        [
            -1.265_512_23,
            1.000_023_68,
            0.374_091_96,
            0.096_784_18,
            -0.186_288_06,
            0.278_868_07,
            -1.135_203_98,
            1.488_515_87,
            -0.822_152_23,
            0.170_872_77,
        ],
    );
    let opposite = negated(a, z);
    let exponent = a.mul_add(opposite, z, fit);
    let power = a.exp(exponent);
    let half_t = a.mul(half, t);
    let tail = a.mul(half_t, power);
    let rest = a.sub(one, tail);
    let zero = a.constant(0.0);
    let is_positive = a.greater(x, zero);
    a.select(is_positive, rest, tail)
}

#[cfg(test)]
pub(super) mod on_doubles {
    use super::Algebra;

    /// The instance for tests.
    pub(crate) struct OnDoubles;

    impl Algebra for OnDoubles {
        type Value = f64;
        type Mask = bool;

        fn constant(&mut self, value: f64) -> f64 {
            value
        }
        fn add(&mut self, a: f64, b: f64) -> f64 {
            a + b
        }
        fn sub(&mut self, a: f64, b: f64) -> f64 {
            a - b
        }
        fn mul(&mut self, a: f64, b: f64) -> f64 {
            a * b
        }
        fn quotient(&mut self, a: f64, b: f64) -> f64 {
            a / b
        }
        fn mul_add(&mut self, a: f64, b: f64, c: f64) -> f64 {
            a.mul_add(b, c)
        }
        fn max(&mut self, a: f64, b: f64) -> f64 {
            if b < a { a } else { b }
        }
        fn greater(&mut self, a: f64, b: f64) -> bool {
            a > b
        }
        fn select(&mut self, mask: bool, yes: f64, no: f64) -> f64 {
            if mask { yes } else { no }
        }
        fn keep(&mut self, mask: bool, a: f64) -> f64 {
            if mask { a } else { 0.0 }
        }
        fn exp(&mut self, a: f64) -> f64 {
            a.exp()
        }
    }
}
