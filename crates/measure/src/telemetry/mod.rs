//! What the machine did while a run was timed, and what that means for the time: a second on a machine
//! that others use, or that grows hot, is not a second on one that is quiet and cool.
//!
//! A [`Sampler`] observes from a thread of its own and leaves [`Telemetry`]; [`judge`] makes a
//! [`Condition`] of it. [`wait_quiet`] waits for a machine that nobody else uses. Linux tells nearly
//! everything; other systems how busy the processor was, and with what.

mod clock;
mod condition;
mod disturbance;
mod glance;
mod observer;
mod quiet;
mod readers;
mod record;
mod sampler;
mod series;
#[cfg(test)]
mod tests;
mod usage;
mod verdict;

pub use condition::{Cause, Condition};
pub use glance::{Glance, Seen};
pub use quiet::{Quiet, Waiting, wait_quiet};
pub use readers::gpu::Gpu;
pub use record::{Frequency, Sample, Telemetry};
pub use sampler::Sampler;
pub use verdict::judge;

/// The topology of this machine's processors.
pub(crate) fn topology() -> Option<crate::Topology> {
    let topology = readers::processors::topology(ROOT.as_ref());
    #[cfg(target_os = "macos")]
    let topology = topology.or_else(readers::mac::topology);
    topology
}

/// Where threads of this process can be. To look takes some milliseconds on a machine of hundreds of processors.
pub fn places_of_this_process() -> crate::Places {
    readers::processors::places(ROOT.as_ref())
}

/// The root of the file system of the machine this runs on. Tests observe folders in its place.
pub const ROOT: &str = "/";
