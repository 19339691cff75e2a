//! The same training by other frameworks, each an [`Engine`](laptime_engine::Engine) in a process of
//! its own.
//!
//! A workload with its samples and initial weights is written to a folder ([`exchange`]); an adapter
//! of the framework, a Python script that is part of this crate, reads it, builds the model from the
//! workload's layers, and does what it is told over a line protocol (`protocol.rs`).
//!
//! Knows nothing of Schedules, and of Programs only what a step costs.

pub mod check;
mod children;
mod compiled;
mod description;
mod engine;
mod environment;
pub mod exchange;
mod folder;
mod frameworks;
pub mod install;
mod process;
mod process_group;
mod program;
mod protocol;
mod session;
mod trial;
mod variables;

pub use children::{Ended, Group, end_children, have_ended};
pub use engine::PeerEngine;
pub use environment::{MARKER, environment_dir, is_available};
pub use exchange::{ExchangeError, write_job};
pub use folder::remove_folders;
pub use frameworks::*;
pub use program::ProgramEngine;
pub use protocol::VERSION as PROTOCOL_VERSION;
