//! How the weights of dense layers and convolutions begin: what the table `[initializer]` of a spec may say. A new one is
//! a variant, an entry in [`INITIALIZERS`] and an arm of [`Initializer::distribution`].

use serde::{Deserialize, Serialize};

use crate::{entry::Entry, fields::POSITIVE, key::Key};

/// The distribution of initial weights. A fan is a layer's number of inputs to one output, or of outputs that one
/// input reaches.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Initializer {
    /// Uniform in ±√(6/(fan_in + fan_out)) (Glorot & Bengio 2010).
    #[default]
    GlorotUniform,
    /// Normal, of variance 2/(fan_in + fan_out).
    GlorotNormal,
    /// Uniform in ±√(6/fan_in) (He et al. 2015).
    HeUniform,
    /// Normal, of variance 2/fan_in.
    HeNormal,
    /// Uniform in ±√(3/fan_in) (LeCun et al. 1998).
    LecunUniform,
    /// Normal, of variance 1/fan_in.
    LecunNormal,
    /// Uniform in ±1/√fan_in, weights and biases: what PyTorch's `Linear` and `Conv2d` do.
    Pytorch,
    /// Uniform in ±`limit`.
    Uniform {
        /// The bound.
        limit: f64,
    },
    /// Normal, of mean 0.
    Normal {
        /// Its standard deviation.
        deviation: f64,
    },
}

/// What values are drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distribution {
    /// Uniform between −limit and limit.
    Uniform {
        /// The bound.
        limit: f64,
    },
    /// Normal, of mean 0.
    Normal {
        /// The standard deviation.
        deviation: f64,
    },
}

impl Initializer {
    /// That of the weights of a layer with these fans.
    pub fn distribution(self, fan_in: usize, fan_out: usize) -> Distribution {
        let (fan_in, both) = (fan_in as f64, (fan_in + fan_out) as f64);
        let uniform = |square: f64| Distribution::Uniform {
            limit: square.sqrt(),
        };
        let normal = |variance: f64| Distribution::Normal {
            deviation: variance.sqrt(),
        };
        match self {
            Self::GlorotUniform => uniform(6.0 / both),
            Self::GlorotNormal => normal(2.0 / both),
            Self::HeUniform => uniform(6.0 / fan_in),
            Self::HeNormal => normal(2.0 / fan_in),
            Self::LecunUniform => uniform(3.0 / fan_in),
            Self::LecunNormal => normal(1.0 / fan_in),
            Self::Pytorch => uniform(1.0 / fan_in),
            Self::Uniform { limit } => Distribution::Uniform { limit },
            Self::Normal { deviation } => Distribution::Normal { deviation },
        }
    }

    /// That of the biases of such a layer; `None` where they begin at 0.
    pub fn distribution_of_biases(self, fan_in: usize) -> Option<Distribution> {
        (self == Self::Pytorch).then(|| self.distribution(fan_in, 0))
    }

    /// Whether it is what a spec that says nothing has.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// All initializers, in the order that lists show them.
pub const INITIALIZERS: &[Entry<Initializer>] = &[
    Entry::plain(
        "glorot_uniform",
        "uniform in ±√(6/(fan_in + fan_out)), as in Keras: what is taken without the table",
        |_| Initializer::GlorotUniform,
    ),
    Entry::plain(
        "glorot_normal",
        "normal, of variance 2/(fan_in + fan_out)",
        |_| Initializer::GlorotNormal,
    ),
    Entry::plain("he_uniform", "uniform in ±√(6/fan_in)", |_| {
        Initializer::HeUniform
    }),
    Entry::plain("he_normal", "normal, of variance 2/fan_in", |_| {
        Initializer::HeNormal
    }),
    Entry::plain("lecun_uniform", "uniform in ±√(3/fan_in)", |_| {
        Initializer::LecunUniform
    }),
    Entry::plain("lecun_normal", "normal, of variance 1/fan_in", |_| {
        Initializer::LecunNormal
    }),
    Entry::plain(
        "pytorch",
        "uniform in ±1/√fan_in, weights and biases, as PyTorch's Linear and Conv2d",
        |_| Initializer::Pytorch,
    ),
    Entry {
        kind: "uniform",
        summary: "uniform in ±limit",
        keys: &[Key::new("limit", "0.05").why("the default in Keras")],
        optional: &[],
        read: |fields| Initializer::Uniform {
            limit: fields.number("limit", &POSITIVE),
        },
    },
    Entry {
        kind: "normal",
        summary: "normal, of mean 0 and this standard deviation",
        keys: &[Key::new("deviation", "0.02").why("as in GPT-2; Keras's default is 0.05")],
        optional: &[],
        read: |fields| Initializer::Normal {
            deviation: fields.number("deviation", &POSITIVE),
        },
    },
];
