//! TensorFlow, by Google, with Keras.

use super::Framework;
use crate::install::{Lock, Variant};

/// TensorFlow: Keras's `fit`, as people use it.
pub static TENSORFLOW: Framework = Framework {
    name: "tensorflow",
    environment: "tensorflow",
    title: "TensorFlow",
    package: "tensorflow",
    variable: "LAPTIME_PEER_TENSORFLOW",
    locks: LOCKS,
    follows_order: true,
    accumulates: true,
    adapter: include_str!("../../adapters/tensorflow.py"),
};

/// The same by the script of December 2020, to the letter.
pub static TENSORFLOW_AS_PUBLISHED: Framework = Framework {
    name: "tensorflow-as-published",
    environment: "tensorflow",
    title: "TensorFlow",
    package: "tensorflow",
    variable: "LAPTIME_PEER_TENSORFLOW",
    locks: LOCKS,
    follows_order: false,
    accumulates: false,
    adapter: concat!(
        include_str!("../../adapters/tensorflow.py"),
        "\nSession, variants = AsPublished, as_published_variants\n"
    ),
};

const LOCKS: &[Lock] = &[
    Lock {
        variant: Variant::Default,
        platform: "linux-x86_64",
        text: include_str!("../../locks/tensorflow-linux-x86_64.txt"),
    },
    Lock {
        variant: Variant::Default,
        platform: "linux-aarch64",
        text: include_str!("../../locks/tensorflow-linux-aarch64.txt"),
    },
    Lock {
        variant: Variant::Default,
        platform: "macos-aarch64",
        text: include_str!("../../locks/tensorflow-macos-aarch64.txt"),
    },
];
