//! The activations beside ReLU that a spec may name: functions of one value. A new one is a variant, an entry
//! in [`ACTIVATIONS`] and its name.

use serde::{Deserialize, Serialize};

use crate::{
    fields::{FRACTION, Fields},
    key::Key,
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
}

impl Activation {
    /// One of each, in the order that lists show them; for tests.
    pub const EXAMPLES: [Self; 8] = [
        Self::LeakyRelu { slope: 0.1 },
        Self::Gelu,
        Self::GeluTanh,
        Self::Silu,
        Self::Sigmoid,
        Self::Tanh,
        Self::Softplus,
        Self::HardSwish,
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
