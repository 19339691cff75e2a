//! The update rules a spec may name. A new one is an entry in [`OPTIMIZERS`].

use crate::{
    fields::{DECAY, Fields, POSITIVE},
    spec_error::SpecError,
    workload::Optimizer,
};

pub(crate) struct OptimizerEntry {
    pub(crate) kind: &'static str,
    /// The keys it needs beside `kind`.
    pub(crate) keys: &'static [&'static str],
    pub(crate) read: fn(&Fields) -> Result<Optimizer, SpecError>,
}

pub(crate) const OPTIMIZERS: &[OptimizerEntry] = &[
    OptimizerEntry {
        kind: "adam",
        keys: &["learning_rate", "beta1", "beta2", "epsilon"],
        read: |fields| {
            Ok(Optimizer::Adam {
                learning_rate: fields.number("learning_rate", "0.001", &POSITIVE)?,
                beta1: fields.number("beta1", "0.9", &DECAY)?,
                beta2: fields.number("beta2", "0.999", &DECAY)?,
                // Not 0: a weight whose gradient has always been 0 would become 0/0.
                epsilon: fields.number("epsilon", "1e-7", &POSITIVE)?,
            })
        },
    },
    OptimizerEntry {
        kind: "sgd",
        keys: &["learning_rate", "momentum"],
        read: |fields| {
            Ok(Optimizer::Sgd {
                learning_rate: fields.number("learning_rate", "0.01", &POSITIVE)?,
                momentum: fields.number("momentum", "0.9", &DECAY)?,
            })
        },
    },
];
