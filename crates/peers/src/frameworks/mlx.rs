//! MLX, by Apple.

use super::Framework;
use crate::install::{Lock, Variant};

/// MLX: lazy arrays and compiled functions on Apple silicon.
pub static MLX: Framework = Framework {
    name: "mlx",
    environment: "mlx",
    title: "MLX",
    package: "mlx",
    variable: "LAPTIME_PEER_MLX",
    locks: &[
        Lock {
            variant: Variant::Default,
            platform: "linux-x86_64",
            text: include_str!("../../locks/mlx-linux-x86_64.txt"),
        },
        Lock {
            variant: Variant::Default,
            platform: "macos-aarch64",
            text: include_str!("../../locks/mlx-macos-aarch64.txt"),
        },
    ],
    follows_order: true,
    accumulates: true,
    adapter: include_str!("../../adapters/mlx.py"),
};
