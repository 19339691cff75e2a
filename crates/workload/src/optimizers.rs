//! The update rules a spec may name. A new one is an entry in [`OPTIMIZERS`].

use crate::{
    fields::{DECAY, Fields, POSITIVE},
    key::{BOTH, Key},
    workload::Optimizer,
};

/// An update rule as a spec writes it.
#[derive(Debug, Clone, Copy)]
pub struct OptimizerEntry {
    /// What the spec writes after `kind =`.
    pub kind: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The keys it needs beside `kind`.
    pub keys: &'static [Key],
    pub(crate) read: fn(&Fields) -> Optimizer,
}

/// All update rules, in the order that lists show them.
pub const OPTIMIZERS: &[OptimizerEntry] = &[
    OptimizerEntry {
        kind: "adam",
        summary: "Adam in Keras's form: epsilon is added to the root of the uncorrected moment",
        keys: &[
            Key::new("learning_rate", "0.001").why(BOTH),
            Key::new("beta1", "0.9").why(BOTH),
            Key::new("beta2", "0.999").why(BOTH),
            Key::new("epsilon", "1e-7").why("the default in Keras; PyTorch's is 1e-8"),
        ],
        read: |fields| Optimizer::Adam {
            learning_rate: fields.number("learning_rate", &POSITIVE),
            beta1: fields.number("beta1", &DECAY),
            beta2: fields.number("beta2", &DECAY),
            // Not 0: a weight whose gradient has always been 0 would become 0/0.
            epsilon: fields.number("epsilon", &POSITIVE),
        },
    },
    OptimizerEntry {
        kind: "sgd",
        summary: "u ← momentum·u + gradient; weight ← weight − learning_rate·u",
        keys: &[
            Key::new("learning_rate", "0.01").why("the default in Keras; PyTorch's is 0.001"),
            Key::new("momentum", "0.0").why("the default in PyTorch and Keras; 0.9 is usual"),
        ],
        read: |fields| Optimizer::Sgd {
            learning_rate: fields.number("learning_rate", &POSITIVE),
            momentum: fields.number("momentum", &DECAY),
        },
    },
];
