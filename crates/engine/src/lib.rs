//! The engine boundary: the traits [`Engine`] and [`Session`], and the gate that tells whether a
//! session does the same training as the oracle, and the trial that tells which device is the
//! fastest. Knows no particular engine.

mod device;
pub mod gate;
mod peaks;
mod progress;
mod session;
mod tally;
pub mod trial;

pub use device::{Device, DeviceKind};
pub use peaks::{Bandwidth, Peaks};
pub use progress::Progress;
pub use session::*;
pub use tally::{NotFinite, Tally};

/// Why an engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The request makes no sense here; the user can mend it. Exit code 2.
    #[error("{0}")]
    Unsupported(String),
    /// The engine failed while it worked. Exit code 1.
    #[error("{0}")]
    Failed(String),
}
