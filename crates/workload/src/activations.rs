//! The activations that a spec may name: functions of one value. A new one is a variant, an entry
//! in [`ACTIVATIONS`] and its name.

use serde::{Deserialize, Serialize};

use crate::{
    entry::Entry,
    fields::{ANY, FRACTION, POSITIVE},
    key::{BOTH, Key},
};

/// A function of one value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
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
    /// factor·x + offset: what inputs are scaled by, as a layer.
    Scale {
        /// A factor of all values.
        factor: f64,
        /// What is added to them.
        offset: f64,
    },
}

impl Activation {
    /// One of each, in the order that lists show them; for tests.
    pub const EXAMPLES: [Self; 14] = [
        Self::Relu,
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
        Self::Scale {
            factor: -0.7,
            offset: 0.4,
        },
    ];

    /// The name in specs and listings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
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
            Self::Scale { .. } => "scale",
        }
    }
}

/// The entries of all activations, in the order that lists show them.
pub(crate) const ACTIVATIONS: &[Entry<Activation>] = &[
    Entry::plain("relu", "max(x, 0)", |_| Activation::Relu),
    Entry {
        kind: "leaky_relu",
        summary: "x where x > 0, else slope·x",
        keys: &[Key::new("slope", "0.01").why("the default in PyTorch; Keras's is 0.3")],
        optional: &[],
        read: |fields| Activation::LeakyRelu {
            slope: fields.number("slope", &FRACTION),
        },
    },
    Entry::plain("gelu", "x·Φ(x), Φ the normal distribution's", |_| {
        Activation::Gelu
    }),
    Entry::plain(
        "gelu_tanh",
        "GELU by its approximation with tanh, as in GPT-2",
        |_| Activation::GeluTanh,
    ),
    Entry::plain("silu", "x·σ(x), also called swish", |_| Activation::Silu),
    Entry::plain("sigmoid", "σ(x) = 1/(1 + exp(−x))", |_| {
        Activation::Sigmoid
    }),
    Entry::plain("tanh", "the hyperbolic tangent", |_| Activation::Tanh),
    Entry::plain("softplus", "ln(1 + exp(x))", |_| Activation::Softplus),
    Entry::plain(
        "hard_swish",
        "x·min(max(x + 3, 0), 6)/6, as in MobileNetV3",
        |_| Activation::HardSwish,
    ),
    Entry::plain("relu6", "min(max(x, 0), 6), as in MobileNetV2", |_| {
        Activation::Relu6
    }),
    Entry::plain(
        "hard_sigmoid",
        "min(max(x + 3, 0), 6)/6, as in MobileNetV3",
        |_| Activation::HardSigmoid,
    ),
    Entry {
        kind: "elu",
        summary: "x where x > 0, else alpha·(exp(x) − 1)",
        keys: &[Key::new("alpha", "1.0").why(BOTH)],
        optional: &[],
        read: |fields| Activation::Elu {
            alpha: fields.number("alpha", &POSITIVE),
        },
    },
    Entry::plain("mish", "x·tanh(softplus(x))", |_| Activation::Mish),
    Entry {
        kind: "scale",
        summary: "factor·x + offset",
        keys: &[
            Key::new("factor", "2.0"),
            Key::new("offset", "0.0").why("the default in Keras"),
        ],
        optional: &[],
        read: |fields| Activation::Scale {
            factor: fields.number("factor", &ANY),
            offset: fields.number("offset", &ANY),
        },
    },
];
