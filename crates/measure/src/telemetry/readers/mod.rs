//! What a Linux system tells about itself, one small file for each source. Every reader takes a root
//! folder in the place of `/`, so that a recorded tree can be read like a live machine. What is
//! missing, unreadable or malformed is absent, never zero. Nothing read here is trusted: sums
//! saturate, and no file is read beyond a bound.

pub(super) mod amd;
pub(super) mod cgroup;
pub(super) mod cpu;
#[cfg(not(target_os = "linux"))]
pub(super) mod elsewhere;
pub(super) mod files;
pub(super) mod frequency;
pub(super) mod gpu;
pub(super) mod gpus;
pub(super) mod load;
#[cfg(any(target_os = "macos", test))]
pub(super) mod mac;
#[cfg(any(target_os = "linux", windows))]
pub(super) mod nvidia;
pub(super) mod processes;
pub(super) mod processors;
pub(super) mod rapl;
pub(super) mod swap;
pub(super) mod temperature;
pub(super) mod threads;
pub(super) mod throttle;
