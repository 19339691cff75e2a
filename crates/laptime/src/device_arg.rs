//! `--device`: what to train on, as the command line states it.

use std::{fmt, str::FromStr};

/// What to train on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceArg {
    /// What is the fastest.
    Auto,
    /// Processor cores.
    Cpu,
    /// A graphics adapter: the first, or that of this number in `laptime devices`.
    Gpu(Option<usize>),
}

impl FromStr for DeviceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| digits.parse().ok();
        match (text, text.strip_prefix("gpu:").and_then(number)) {
            ("auto", _) => Ok(Self::Auto),
            ("cpu", _) => Ok(Self::Cpu),
            ("gpu", _) => Ok(Self::Gpu(None)),
            (_, Some(number)) => Ok(Self::Gpu(Some(number))),
            _ => {
                Err("known: auto, cpu, gpu, and gpu:0, gpu:1 … as `laptime devices` counts".into())
            }
        }
    }
}

impl fmt::Display for DeviceArg {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu(None) => f.write_str("gpu"),
            Self::Gpu(Some(number)) => write!(f, "gpu:{number}"),
        }
    }
}
