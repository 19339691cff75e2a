use super::*;

struct Apply<F>(F);

trait OnBlocks {
    fn apply<S: Simd>(&self, s: S, a: S::Block, b: S::Block) -> S::Block;
}

impl<F: OnBlocks> Kernel for (Apply<F>, [f32; LANES], [f32; LANES]) {
    type Output = [f32; LANES];
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> [f32; LANES] {
        // SAFETY: both arrays have LANES values.
        let (a, b) = unsafe { (s.load(self.1.as_ptr()), s.load(self.2.as_ptr())) };
        s.to_array(self.0.0.apply(s, a, b))
    }
}

macro_rules! check {
    ($name:ident, |$s:ident, $a:ident, $b:ident| $simd:expr, |$x:ident, $y:ident| $scalar:expr, $inputs:expr, $tolerance:expr) => {
        #[test]
        fn $name() {
            struct Work;
            impl OnBlocks for Work {
                #[inline(always)]
                fn apply<S: Simd>(&self, $s: S, $a: S::Block, $b: S::Block) -> S::Block {
                    let _ = ($a, $b);
                    $simd
                }
            }
            let inputs: [(f32, f32); LANES] = $inputs;
            for isa in Isa::available() {
                let result = dispatch(
                    isa,
                    (
                        Apply(Work),
                        inputs.map(|pair| pair.0),
                        inputs.map(|pair| pair.1),
                    ),
                );
                for (lane, ($x, $y)) in inputs.into_iter().enumerate() {
                    let _ = ($x, $y);
                    let expected: f64 = $scalar;
                    let error = (f64::from(result[lane]) - expected).abs();
                    assert!(
                        error <= $tolerance * expected.abs(),
                        "{isa}, lane {lane}: {} for {expected}",
                        result[lane]
                    );
                }
            }
        }
    };
}

/// Sixteen pairs over ten decades.
fn spread() -> [(f32, f32); LANES] {
    std::array::from_fn(|i| (10f32.powi(i as i32 - 10) * 1.7, 3.3 - i as f32))
}

const TWO_ULP: f64 = 2.0 * f32::EPSILON as f64;

check!(
    fused_multiply_add,
    |s, a, b| s.mul_add(a, b, a),
    |x, y| f64::from(x) * f64::from(y) + f64::from(x),
    spread(),
    1e-6
);
check!(
    negated_multiply_add,
    |s, a, b| s.neg_mul_add(a, b, a),
    |x, y| f64::from(x) - f64::from(x) * f64::from(y),
    spread(),
    1e-6
);
check!(
    reciprocal_estimate,
    |s, a, b| s.reciprocal_estimate(a),
    |x, y| 1.0 / f64::from(x),
    spread(),
    1.0 / 2048.0
);
check!(
    reciprocal_sqrt_estimate,
    |s, a, b| s.reciprocal_sqrt_estimate(a),
    |x, y| 1.0 / f64::from(x).sqrt(),
    spread(),
    1.0 / 2048.0
);
check!(
    larger,
    |s, a, b| s.max(a, b),
    |x, y| f64::from(x.max(y)),
    spread(),
    0.0
);
// Nothing is greater than −1 there but what has become a number. ReLU once hid losses that were none.
check!(
    relu_keeps_what_is_not_a_number,
    |s, a, b| s.keep(s.greater(s.max(s.splat(0.0), b), s.splat(-1.0)), a),
    |x, y| 0.0,
    [(1.0, f32::NAN); LANES],
    0.0
);
check!(
    not_a_number_is_the_larger_of_both,
    |s, a, b| {
        let nan = s.is_nan(s.max_or_nan(a, b));
        s.add(s.keep(nan, s.splat(1.0)), s.drop(nan, s.max_or_nan(a, b)))
    },
    |x, y| {
        if x.is_nan() || y.is_nan() {
            1.0
        } else {
            f64::from(x.max(y))
        }
    },
    std::array::from_fn(|i| {
        let values = [f32::NAN, -f32::NAN, -7.0, -3.0];
        (values[i / 4], values[i % 4])
    }),
    0.0
);
check!(
    exponential_of_not_a_number,
    |s, a, b| s.keep(s.is_nan(exp(s, a)), s.splat(1.0)),
    |x, y| if x.is_nan() { 1.0 } else { 0.0 },
    std::array::from_fn(|i| {
        let values = [f32::NAN, -f32::NAN, f32::NEG_INFINITY, 88.0];
        (values[i % 4], 0.0)
    }),
    0.0
);
check!(
    dropped_where_greater,
    |s, a, b| s.drop(s.greater(b, s.splat(0.0)), a),
    |x, y| if y > 0.0 { 0.0 } else { f64::from(x) },
    spread(),
    0.0
);
check!(
    kept_where_greater,
    |s, a, b| s.keep(s.greater(b, s.splat(0.0)), a),
    |x, y| if y > 0.0 { f64::from(x) } else { 0.0 },
    spread(),
    0.0
);
check!(
    exponential,
    |s, a, b| exp(s, b),
    |x, y| f64::from(y).exp(),
    spread(),
    TWO_ULP
);
check!(
    exponential_near_its_ends,
    |s, a, b| exp(s, a),
    |x, y| f64::from(x.max(-87.0)).exp(),
    std::array::from_fn(|i| (i as f32 * 11.2 - 100.0 + 0.37, 0.0)),
    TWO_ULP
);

#[test]
fn bytes_first_lanes_and_sums() {
    struct Work;
    impl Kernel for Work {
        type Output = (f32, f32, f32);
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> (f32, f32, f32) {
            let bytes: [u8; LANES] = std::array::from_fn(|i| (i * 17) as u8);
            // SAFETY: the array has LANES bytes.
            let block = unsafe { s.load_bytes(bytes.as_ptr()) };
            (
                s.sum(block),
                s.largest(block),
                s.sum(s.keep(s.first(3), block)),
            )
        }
    }
    for isa in Isa::available() {
        assert_eq!(dispatch(isa, Work), (2040.0, 255.0, 51.0), "{isa}");
    }
}

#[test]
fn transposed_rows_are_columns() {
    struct Work;
    impl Kernel for Work {
        type Output = Vec<[f32; LANES]>;
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Vec<[f32; LANES]> {
            let rows: [S::Block; LANES] = std::array::from_fn(|row| {
                let lanes: [f32; LANES] = std::array::from_fn(|lane| (16 * row + lane) as f32);
                // SAFETY: the array has LANES values.
                unsafe { s.load(lanes.as_ptr()) }
            });
            s.transpose(rows).map(|column| s.to_array(column)).to_vec()
        }
    }
    for isa in Isa::available() {
        for (column, values) in dispatch(isa, Work).into_iter().enumerate() {
            for (row, value) in values.into_iter().enumerate() {
                assert_eq!(value, (16 * row + column) as f32, "{isa}");
            }
        }
    }
}
