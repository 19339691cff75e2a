//! What ONNX's operators do with single values.

use crate::{activations::Function, messages::Node, problem::Problem, walk::Walk};

type Unary = fn(f64) -> f64;
type Binary = fn(f64, f64) -> f64;

/// Functions of one value.
const UNARY: &[(&str, Unary)] = &[
    ("Relu", |x| x.max(0.0)),
    ("Sigmoid", |x| 1.0 / (1.0 + (-x).exp())),
    ("Tanh", f64::tanh),
    ("Softplus", |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
    ("Softsign", |x| x / (1.0 + x.abs())),
    ("HardSwish", |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
    ("Mish", |x| {
        x * (x.max(0.0) + (-x.abs()).exp().ln_1p()).tanh()
    }),
    ("Erf", libm::erf),
    // Not ONNX's own, but in models all the same: 1 − erf(x).
    ("Erfc", libm::erfc),
    ("Exp", f64::exp),
    ("Log", f64::ln),
    ("Neg", |x| -x),
    ("Abs", f64::abs),
    ("Sqrt", f64::sqrt),
    ("Reciprocal", |x| 1.0 / x),
];

/// Functions of one value with constants of their own: attributes, or inputs that are given.
const WITH_CONSTANTS: &[&str] = &[
    "LeakyRelu",
    "Elu",
    "Selu",
    "Celu",
    "HardSigmoid",
    "Gelu",
    "Swish",
    "Clip",
    "ThresholdedRelu",
];

pub(super) fn has(op_type: &str) -> bool {
    UNARY.iter().any(|(name, _)| *name == op_type) || WITH_CONSTANTS.contains(&op_type)
}

/// The function of a node, with its constants in it.
pub(super) fn of_one(walk: &Walk, node: &Node) -> Result<Function, Problem> {
    match UNARY.iter().find(|(name, _)| *name == node.op_type) {
        Some((_, function)) => Ok(Box::new(|values: &[f64]| function(values[0]))),
        None => with_constants(walk, node),
    }
}

fn with_constants(walk: &Walk, node: &Node) -> Result<Function, Problem> {
    let scalar = |place: usize, attribute: &str, without: f64| -> Result<f64, Problem> {
        match walk.optional(node, place)? {
            Some(constant) => Ok(constant.scalar(walk.beside)?.unwrap_or(without)),
            None => Ok(node.float(attribute, without as f32)),
        }
    };
    let alpha = |without: f32| node.float("alpha", without);
    Ok(match node.op_type.as_str() {
        "LeakyRelu" => {
            let alpha = alpha(0.01);
            Box::new(move |x| if x[0] > 0.0 { x[0] } else { alpha * x[0] })
        }
        "Elu" => {
            let alpha = alpha(1.0);
            Box::new(move |x| {
                if x[0] > 0.0 {
                    x[0]
                } else {
                    alpha * x[0].exp_m1()
                }
            })
        }
        "Celu" => {
            let alpha = alpha(1.0);
            Box::new(move |x| {
                if x[0] > 0.0 {
                    x[0]
                } else {
                    alpha * (x[0] / alpha).exp_m1()
                }
            })
        }
        "Selu" => {
            let (alpha, gamma) = (alpha(1.673_263_2), node.float("gamma", 1.050_701));
            Box::new(move |x| {
                gamma
                    * if x[0] > 0.0 {
                        x[0]
                    } else {
                        alpha * x[0].exp_m1()
                    }
            })
        }
        "HardSigmoid" => {
            let (alpha, beta) = (alpha(0.2), node.float("beta", 0.5));
            Box::new(move |x| (alpha * x[0] + beta).clamp(0.0, 1.0))
        }
        "Swish" => {
            let alpha = alpha(1.0);
            Box::new(move |x| x[0] / (1.0 + (-alpha * x[0]).exp()))
        }
        "ThresholdedRelu" => {
            let alpha = alpha(1.0);
            Box::new(move |x| if x[0] > alpha { x[0] } else { 0.0 })
        }
        "Gelu" if node.text("approximate") == "tanh" => Box::new(|x| {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x[0] + 0.044_715 * x[0].powi(3));
            0.5 * x[0] * (1.0 + inner.tanh())
        }),
        "Gelu" => {
            Box::new(|x| 0.5 * x[0] * (1.0 + libm::erf(x[0] * std::f64::consts::FRAC_1_SQRT_2)))
        }
        _ => {
            let least = scalar(1, "min", f64::NEG_INFINITY)?;
            let most = scalar(2, "max", f64::INFINITY)?;
            Box::new(move |x| x[0].max(least).min(most))
        }
    })
}

/// What an operator does with two numbers, and the layer that does it with two layers' values.
pub(super) fn of_two(op_type: &str) -> (Binary, Option<&'static str>) {
    match op_type {
        "Sub" => (|a, b| a - b, None),
        "Mul" => (|a, b| a * b, Some("multiply")),
        "Div" => (|a, b| a / b, None),
        "Max" => (f64::max, None),
        "Min" => (f64::min, None),
        "Pow" => (f64::powf, None),
        "Greater" => (|a, b| truth(a > b), None),
        "GreaterOrEqual" => (|a, b| truth(a >= b), None),
        "Less" => (|a, b| truth(a < b), None),
        "LessOrEqual" => (|a, b| truth(a <= b), None),
        _ => (|a, b| a + b, Some("add")),
    }
}

/// ONNX's truth values, of which no layer reads any: they stay inside of a formula.
fn truth(is_true: bool) -> f64 {
    if is_true { 1.0 } else { 0.0 }
}
