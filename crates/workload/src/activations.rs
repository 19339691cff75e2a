//! The activations beside ReLU that a spec may name: functions of one value. A new one is a variant, an entry
//! in [`ACTIVATIONS`] and its name.

use serde::{Deserialize, Serialize};

use crate::{
    fields::{FRACTION, Fields, POSITIVE},
    key::{BOTH, Key},
};

/// A function of one value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Activation {
    /// x where x > 0, else `slope`·x (Maas et al. 2013).
    LeakyRelu {
        /// 0 ≤ slope ≤ 1.
        slope: f64,
    },
    /// x·Φ(x), Φ the normal distribution's (Hendrycks & Gimpel 2016).
    Gelu,
    /// GELU with x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) in the place of x·Φ(x), as in GPT-2.
    GeluTanh,
    /// x·σ(x), σ the logistic function (Elfwing et al. 2017).
    Silu,
    /// 1/(1 + e⁻ˣ).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// ln(1 + eˣ).
    Softplus,
    /// x·min(max(x + 3, 0), 6)/6 (Howard et al. 2019).
    HardSwish,
    /// min(max(x, 0), 6) (Howard et al. 2017).
    Relu6,
    /// min(max(x + 3, 0), 6)/6 (Howard et al. 2019).
    HardSigmoid,
    /// x where x > 0, else `alpha`·(eˣ − 1) (Clevert et al. 2015).
    Elu {
        /// What it goes to, with the sign turned, for x far below 0.
        alpha: f64,
    },
    /// x·tanh(ln(1 + eˣ)) (Misra 2019).
    Mish,
}

impl Activation {
    /// One of each, in the order that lists show them; for tests.
    pub const EXAMPLES: [Self; 12] = [
        Self::LeakyRelu { slope: 0.1 },
        Self::Gelu,
        Self::GeluTanh,
        Self::Silu,
        Self::Sigmoid,
        Self::Tanh,
        Self::Softplus,
        Self::HardSwish,
        Self::Relu6,
        Self::HardSigmoid,
        Self::Elu { alpha: 0.7 },
        Self::Mish,
    ];

    /// The name in specs and listings.
    pub fn name(self) -> &'static str {
        match self {
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::Silu => "silu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Softplus => "softplus",
            Self::HardSwish => "hard_swish",
            Self::Relu6 => "relu6",
            Self::HardSigmoid => "hard_sigmoid",
            Self::Elu { .. } => "elu",
            Self::Mish => "mish",
        }
    }
}

/// An activation as a spec writes it.
pub(crate) struct ActivationEntry {
    pub(crate) kind: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) keys: &'static [Key],
    pub(crate) read: fn(&Fields) -> Activation,
}

/// The entries of all activations, in the order that lists show them.
pub(crate) const ACTIVATIONS: &[ActivationEntry] = &[
    ActivationEntry {
        kind: "leaky_relu",
        summary: "x where x > 0, else slope·x",
        keys: &[Key::new("slope", "0.01").why("the default in PyTorch; Keras's is 0.3")],
        read: |fields| Activation::LeakyRelu {
            slope: fields.number("slope", &FRACTION),
        },
    },
    plain("gelu", "x·Φ(x), Φ the normal distribution's", |_| {
        Activation::Gelu
    }),
    plain(
        "gelu_tanh",
        "GELU by its approximation with tanh, as in GPT-2",
        |_| Activation::GeluTanh,
    ),
    plain("silu", "x·σ(x), also called swish", |_| Activation::Silu),
    plain("sigmoid", "σ(x) = 1/(1 + exp(−x))", |_| {
        Activation::Sigmoid
    }),
    plain("tanh", "the hyperbolic tangent", |_| Activation::Tanh),
    plain("softplus", "ln(1 + exp(x))", |_| Activation::Softplus),
    plain(
        "hard_swish",
        "x·min(max(x + 3, 0), 6)/6, as in MobileNetV3",
        |_| Activation::HardSwish,
    ),
    plain("relu6", "min(max(x, 0), 6), as in MobileNetV2", |_| {
        Activation::Relu6
    }),
    plain(
        "hard_sigmoid",
        "min(max(x + 3, 0), 6)/6, as in MobileNetV3",
        |_| Activation::HardSigmoid,
    ),
    ActivationEntry {
        kind: "elu",
        summary: "x where x > 0, else alpha·(exp(x) − 1)",
        keys: &[Key::new("alpha", "1.0").why(BOTH)],
        read: |fields| Activation::Elu {
            alpha: fields.number("alpha", &POSITIVE),
        },
    },
    plain("mish", "x·tanh(softplus(x))", |_| Activation::Mish),
];

/// An activation without constants.
const fn plain(
    kind: &'static str,
    summary: &'static str,
    read: fn(&Fields) -> Activation,
) -> ActivationEntry {
    ActivationEntry {
        kind,
        summary,
        keys: &[],
        read,
    }
}
