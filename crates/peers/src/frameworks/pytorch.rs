//! PyTorch, by Meta and the PyTorch Foundation.

use super::Framework;
use crate::install::{Lock, Variant};

/// PyTorch: eager, or compiled by TorchInductor.
pub static PYTORCH: Framework = Framework {
    name: "pytorch",
    environment: "pytorch",
    title: "PyTorch",
    package: "torch",
    variable: "LAPTIME_PEER_PYTORCH",
    locks: &[
        Lock {
            variant: Variant::Default,
            platform: "linux-x86_64",
            text: include_str!("../../locks/pytorch-linux-x86_64.txt"),
        },
        Lock {
            variant: Variant::Default,
            platform: "linux-aarch64",
            text: include_str!("../../locks/pytorch-linux-aarch64.txt"),
        },
        Lock {
            variant: Variant::Default,
            platform: "macos-aarch64",
            text: include_str!("../../locks/pytorch-macos-aarch64.txt"),
        },
        Lock {
            variant: Variant::Default,
            platform: "windows-x86_64",
            text: include_str!("../../locks/pytorch-windows-x86_64.txt"),
        },
        Lock {
            variant: Variant::Cpu,
            platform: "linux-x86_64",
            text: include_str!("../../locks/pytorch-cpu-linux-x86_64.txt"),
        },
        Lock {
            variant: Variant::Cuda,
            platform: "linux-x86_64",
            text: include_str!("../../locks/pytorch-linux-x86_64.txt"),
        },
    ],
    follows_order: true,
    accumulates: true,
    adapter: include_str!("../../adapters/pytorch.py"),
};
