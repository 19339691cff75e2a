//! The functions of one value that laptime has as layers. A model's expression is one of them where it has the same
//! values, however an exporter has spelled it: x·σ(x), or x·(1 + erf(x/√2))/2.

/// A function of single values, one or more.
pub(crate) type Function = Box<dyn Fn(&[f64]) -> f64>;

/// The constant that a function of one value would have, were it of this kind.
type ConstantOf = fn(&dyn Fn(f64) -> f64) -> f64;

/// A function that may be a layer.
pub(crate) struct Known {
    /// The layer's kind.
    pub kind: &'static str,
    /// What laptime has in its place, where it lacks it.
    pub nearest: &'static str,
    /// The key of its constant, which follows from the function that is looked at.
    pub constant: Option<(&'static str, ConstantOf)>,
    /// The function of x and its constant.
    pub value: fn(f64, f64) -> f64,
}

const fn plain(kind: &'static str, nearest: &'static str, value: fn(f64, f64) -> f64) -> Known {
    Known {
        kind,
        nearest,
        constant: None,
        value,
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// In the order in which they are tried: plain ones before those with a constant.
pub(crate) const ACTIVATIONS: &[Known] = &[
    plain("relu", "", |x, _| x.max(0.0)),
    plain("relu6", "relu", |x, _| x.clamp(0.0, 6.0)),
    plain("sigmoid", "", |x, _| sigmoid(x)),
    plain("tanh", "", |x, _| x.tanh()),
    plain("silu", "", |x, _| x * sigmoid(x)),
    plain("gelu", "", |x, _| {
        x * 0.5 * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2))
    }),
    plain("gelu_tanh", "", |x, _| {
        let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
        x * 0.5 * (1.0 + inner.tanh())
    }),
    plain("hard_swish", "", |x, _| x * (x + 3.0).clamp(0.0, 6.0) / 6.0),
    plain("softplus", "", |x, _| softplus(x)),
    plain("hard_sigmoid", "sigmoid", |x, _| {
        (x + 3.0).clamp(0.0, 6.0) / 6.0
    }),
    plain("mish", "silu", |x, _| x * softplus(x).tanh()),
    plain("selu", "gelu", |x, _| {
        const ALPHA: f64 = 1.673_263_242_354_377_2;
        1.050_700_987_355_480_5 * if x > 0.0 { x } else { ALPHA * x.exp_m1() }
    }),
    plain("softsign", "tanh", |x, _| x / (1.0 + x.abs())),
    Known {
        kind: "leaky_relu",
        nearest: "relu",
        constant: Some(("slope", |f| -f(-1.0))),
        value: |x, slope| if x > 0.0 { x } else { slope * x },
    },
    Known {
        kind: "elu",
        nearest: "silu",
        constant: Some(("alpha", |f| f(-1.0) / (-1.0_f64).exp_m1())),
        value: |x, alpha| if x > 0.0 { x } else { alpha * x.exp_m1() },
    },
];

/// Where functions are compared: both sides, near the corners of those that have some, and far out.
pub(crate) fn points() -> impl Iterator<Item = f64> {
    (-48..=48).map(|number| f64::from(number) / 6.0 + 0.013)
}

/// Whether two values are of one function: its constants were in single precision.
pub(crate) fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 4e-6 * (1.0 + a.abs().max(b.abs()))
}

/// The factor and the offset of a function that has no more to it, and is not the identity.
pub(crate) fn affine(function: &dyn Fn(f64) -> f64) -> Option<[f64; 2]> {
    let offset = function(0.0);
    let [factor, offset] = [function(1.0) - offset, offset].map(seven_digits);
    let is_same = |x: f64| is_close(function(x), factor * x + offset);
    let is_one = factor == 1.0 && offset == 0.0;
    (!is_one && factor != 0.0 && points().all(is_same)).then_some([factor, offset])
}

/// What was written in single precision has seven digits.
fn seven_digits(number: f64) -> f64 {
    format!("{number:.6e}").parse().unwrap_or(number)
}

/// The first that has the values of `function`, with its constant.
pub(crate) fn find(function: &dyn Fn(f64) -> f64) -> Option<(&'static Known, f64)> {
    ACTIVATIONS.iter().find_map(|known| {
        let constant = known.constant.map_or(0.0, |(_, of)| of(function));
        let constant = seven_digits(constant);
        if !(0.0..=1.0).contains(&constant) {
            return None;
        }
        let is_same = |x: f64| is_close(function(x), (known.value)(x, constant));
        points().all(is_same).then_some((known, constant))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_and_no_other() {
        for known in ACTIVATIONS {
            let (found, constant) = find(&|x| (known.value)(x, 0.3)).unwrap();
            assert_eq!(found.kind, known.kind);
            assert!(known.constant.is_none() || is_close(constant, 0.3));
        }
        assert!(find(&|x| x).is_none() || find(&|x| x).unwrap().1 == 1.0);
        assert!(find(&|x| 2.0 * x).is_none());
        assert!(find(&|_| f64::NAN).is_none());
        assert_eq!(affine(&|x| 2.0 * x - 0.5), Some([2.0, -0.5]));
        let others: [&dyn Fn(f64) -> f64; 4] = [&|x| x, &|_| 3.0, &|x| x.abs(), &|_| f64::NAN];
        assert!(others.iter().all(|other| affine(other).is_none()));
    }
}
