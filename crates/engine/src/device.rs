//! What a session can run on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A device, described so that a record can name it exactly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// CPU or GPU.
    pub kind: DeviceKind,
    /// The name that the maker gave it.
    pub name: String,
    /// Threads, of a CPU.
    pub threads: Option<usize>,
    /// The instruction set whose kernels run, of a CPU.
    pub isa: Option<String>,
    /// The driver and its version, of a GPU.
    pub driver: Option<String>,
    /// Whether it is a GPU in name only, emulated by the CPU.
    pub software: bool,
}

/// The kinds of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DeviceKind {
    /// Processor cores.
    Cpu,
    /// A graphics card or its like.
    Gpu,
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        })
    }
}
