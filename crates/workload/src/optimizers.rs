//! The update rules a spec may name. A new one is an entry in [`OPTIMIZERS`].
//!
//! Each is applied to every parameter alike: weights, biases, and the scales and shifts of norms.

use serde::{Deserialize, Serialize};

use crate::{
    entry::Entry,
    fields::{DECAY, Fields, NOT_NEGATIVE, POSITIVE},
    key::{BOTH, Key},
};

/// The vocabulary of update rules. g is the gradient of a parameter w, t counts steps from 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Optimizer {
    /// See [`Adam`].
    Adam(Adam),
    /// See [`AmsGrad`].
    AmsGrad(AmsGrad),
    /// See [`AdamW`].
    AdamW(AdamW),
    /// See [`Sgd`].
    Sgd(Sgd),
    /// See [`RmsProp`].
    RmsProp(RmsProp),
}

impl Optimizer {
    /// The step size before its schedule.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Adam(Adam { learning_rate, .. })
            | Self::AmsGrad(AmsGrad {
                adam: Adam { learning_rate, .. },
                ..
            })
            | Self::AdamW(AdamW {
                adam: Adam { learning_rate, .. },
                ..
            })
            | Self::Sgd(Sgd { learning_rate, .. })
            | Self::RmsProp(RmsProp { learning_rate, .. }) => *learning_rate,
        }
    }
}

/// Adam in Keras's form: `m ← m + (1−β₁)(g − m)`, `v ← v + (1−β₂)(g² − v)`,
/// `w ← w − learning_rate·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + ε)` (Kingma & Ba 2015, the formulation before
/// section 2.1, where ε is not corrected for bias).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Adam {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the *uncorrected* second moment.
    pub epsilon: f64,
    /// Whether it is added to the root of the corrected one instead, as in Kingma & Ba's Algorithm 1 and in PyTorch:
    /// `w ← w − learning_rate/(1−β₁ᵗ) · m/(√(v/(1−β₂ᵗ)) + ε)`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub corrected_epsilon: bool,
}

/// Adam that never divides by less than before (Reddi et al. 2018), as PyTorch and Keras have it: `x ← max(x, v)` of
/// the second moment before it is corrected, and x in the place of v in what [`Adam`] makes of a parameter. A spec
/// calls it `adam` with `amsgrad = true`, or `adamw` where parameters decay before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AmsGrad {
    /// The constants.
    #[serde(flatten)]
    pub adam: Adam,
    /// [`AdamW`]'s decay, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Whether only weights of dense layers, convolutions and embeddings decay, and neither biases nor norms.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub weights_only: bool,
}

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019): `w ← w − learning_rate·weight_decay·w`, with the
/// learning rate after its schedule, and then [`Adam`]'s update. As in PyTorch and Keras, all parameters decay, unless
/// it is said that only weights do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdamW {
    /// What follows the decay.
    #[serde(flatten)]
    pub adam: Adam,
    /// The decay, as a multiple of the learning rate.
    pub weight_decay: f64,
    /// Whether only weights of dense layers, convolutions and embeddings decay, and neither biases nor norms.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub weights_only: bool,
}

/// Stochastic gradient descent with momentum: `u ← momentum·u + g`, `w ← w − learning_rate·u`; with Nesterov's
/// momentum (Sutskever et al. 2013, in PyTorch's form) `w ← w − learning_rate·(momentum·u + g)`. A decay is PyTorch's,
/// the gradient of an L2 penalty: g + weight_decay·w in the place of g, behind clipping.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sgd {
    /// Step size.
    pub learning_rate: f64,
    /// How much of the velocity u is kept; 0 for none.
    pub momentum: f64,
    /// Whether the momentum is Nesterov's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nesterov: bool,
    /// How much of a parameter is added to its gradient, where any is; not 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// As of [`AdamW`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub weights_only: bool,
}

/// RMSprop (Tieleman & Hinton 2012) in PyTorch's form, whose ε is outside of the root:
/// `v ← v + (1−α)(g² − v)`, `w ← w − learning_rate·g/(√v + ε)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RmsProp {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the second moment.
    pub alpha: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

const BETA1: Key = Key::new("beta1", "0.9").why(BOTH);
const BETA2: Key = Key::new("beta2", "0.999").why(BOTH);
const ADAM_EPSILON: Key =
    Key::new("epsilon", "1e-7").why("the default in Keras; PyTorch's is 1e-8");

const CORRECTED: Key = Key::new("corrected_epsilon", "true");
const AMSGRAD: Key = Key::new("amsgrad", "true");
const WEIGHT_DECAY: &str = "weight_decay";
const WEIGHTS_ONLY: Key = Key::new("weights_only", "true");

/// All update rules, in the order that lists show them.
pub const OPTIMIZERS: &[Entry<Optimizer>] = &[
    Entry {
        kind: "adam",
        summary: "Adam in Keras's form: epsilon is added to the root of the uncorrected moment, or with \
                  corrected_epsilon = true of the corrected one, as in PyTorch; with amsgrad = true by the \
                  largest second moment so far",
        keys: &[
            Key::new("learning_rate", "0.001").why(BOTH),
            BETA1,
            BETA2,
            ADAM_EPSILON,
        ],
        optional: &[CORRECTED, AMSGRAD],
        read: |fields| {
            let adam = adam(fields);
            match fields.optional_boolean(AMSGRAD.name, false) {
                true => Optimizer::AmsGrad(AmsGrad {
                    adam,
                    weight_decay: None,
                    weights_only: false,
                }),
                false => Optimizer::Adam(adam),
            }
        },
    },
    Entry {
        kind: "adamw",
        summary: "weight ← weight − learning_rate·weight_decay·weight, for all parameters, or with \
                  weights_only = true for weights alone; then adam",
        keys: &[
            Key::new("learning_rate", "0.001").why(BOTH),
            BETA1,
            BETA2,
            ADAM_EPSILON,
            Key::new(WEIGHT_DECAY, "0.01").why("the default in PyTorch; Keras's is 0.004"),
        ],
        optional: &[CORRECTED, AMSGRAD, WEIGHTS_ONLY],
        read: |fields| {
            let adam = adam(fields);
            let weight_decay = fields.number(WEIGHT_DECAY, &NOT_NEGATIVE);
            let weights_only = fields.optional_boolean(WEIGHTS_ONLY.name, false);
            match fields.optional_boolean(AMSGRAD.name, false) {
                true => Optimizer::AmsGrad(AmsGrad {
                    adam,
                    weight_decay: Some(weight_decay),
                    weights_only,
                }),
                false => Optimizer::AdamW(AdamW {
                    adam,
                    weight_decay,
                    weights_only,
                }),
            }
        },
    },
    Entry {
        kind: "sgd",
        summary: "u ← momentum·u + gradient; weight ← weight − learning_rate·u, or with nesterov = true \
                  − learning_rate·(momentum·u + gradient); with weight_decay, gradient + weight_decay·weight in the \
                  place of gradient, for all parameters, or with weights_only = true for weights alone",
        keys: &[
            Key::new("learning_rate", "0.01").why("the default in Keras; PyTorch's is 0.001"),
            Key::new("momentum", "0.0").why("the default in PyTorch and Keras; 0.9 is usual"),
        ],
        optional: &[
            Key::new("nesterov", "true"),
            Key::new(WEIGHT_DECAY, L2),
            WEIGHTS_ONLY,
        ],
        read: |fields| {
            let (weight_decay, weights_only) = l2(fields);
            Optimizer::Sgd(Sgd {
                learning_rate: fields.number("learning_rate", &POSITIVE),
                momentum: fields.number("momentum", &DECAY),
                nesterov: fields.optional_boolean("nesterov", false),
                weight_decay,
                weights_only,
            })
        },
    },
    Entry {
        kind: "rmsprop",
        summary: "v ← alpha·v + (1−alpha)·gradient²; \
                  weight ← weight − learning_rate·gradient/(√v + epsilon)",
        keys: &[
            Key::new("learning_rate", "0.001").why("the default in Keras; PyTorch's is 0.01"),
            Key::new("alpha", "0.99").why("the default in PyTorch; Keras's rho is 0.9"),
            Key::new("epsilon", "1e-8").why("the default in PyTorch"),
        ],
        optional: &[],
        read: |fields| {
            Optimizer::RmsProp(RmsProp {
                learning_rate: fields.number("learning_rate", &POSITIVE),
                alpha: fields.number("alpha", &DECAY),
                epsilon: fields.number("epsilon", &POSITIVE),
            })
        },
    },
];

/// What most scripts that train a ResNet have.
const L2: &str = "5e-4";

/// The decay that is added to gradients, and whether only weights have it. One of 0 is none: it is the same training.
fn l2(fields: &Fields) -> (Option<f64>, bool) {
    let decay = fields.optional_number(WEIGHT_DECAY, L2, &NOT_NEGATIVE);
    let weights_only = fields.optional_boolean(WEIGHTS_ONLY.name, false);
    if let (None, Some(value)) = (fields.get(WEIGHT_DECAY), fields.get(WEIGHTS_ONLY.name)) {
        let what = "\"weights_only\" tells what decays, and without \"weight_decay\" nothing does";
        let advice = format!("write weight_decay = {L2}, too, or leave weights_only out");
        fields.noted(Err(fields.error(value.span(), what, advice)), ());
    }
    let decay = decay.filter(|decay| *decay != 0.0);
    (decay, weights_only && decay.is_some())
}

fn adam(fields: &Fields) -> Adam {
    Adam {
        learning_rate: fields.number("learning_rate", &POSITIVE),
        beta1: fields.number("beta1", &DECAY),
        beta2: fields.number("beta2", &DECAY),
        // Not 0: a weight whose gradient has always been 0 would become 0/0.
        epsilon: fields.number("epsilon", &POSITIVE),
        corrected_epsilon: fields.optional_boolean("corrected_epsilon", false),
    }
}
