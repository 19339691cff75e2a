//! JAX, by Google.

use super::Framework;
use crate::install::{Lock, Variant};

/// JAX: traced functions compiled by XLA.
pub static JAX: Framework = Framework {
    name: "jax",
    environment: "jax",
    title: "JAX",
    package: "jax",
    variable: "LAPTIME_PEER_JAX",
    locks: &[
        Lock {
            variant: Variant::Default,
            platform: "linux-x86_64",
            text: include_str!("../../locks/jax-linux-x86_64.txt"),
        },
        Lock {
            variant: Variant::Default,
            platform: "linux-aarch64",
            text: include_str!("../../locks/jax-linux-aarch64.txt"),
        },
        Lock {
            variant: Variant::Default,
            platform: "macos-aarch64",
            text: include_str!("../../locks/jax-macos-aarch64.txt"),
        },
        Lock {
            variant: Variant::Default,
            platform: "windows-x86_64",
            text: include_str!("../../locks/jax-windows-x86_64.txt"),
        },
    ],
    follows_order: true,
    accumulates: true,
    adapter: include_str!("../../adapters/jax.py"),
};
