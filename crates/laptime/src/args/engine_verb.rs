//! What `laptime engine` is asked.

use clap::{Args as ClapArgs, Subcommand};

use super::{WorkloadArgs, whole};

#[derive(Debug, ClapArgs)]
pub struct EngineVerbArgs {
    #[command(subcommand)]
    pub verb: EngineVerb,
}

#[derive(Debug, Subcommand)]
pub enum EngineVerb {
    /// Go through all messages of the engine protocol with a small job, and report each rule
    Check(EngineCheckArgs),
}

#[derive(Debug, ClapArgs)]
pub struct EngineCheckArgs {
    /// The program, by its path: ./mine
    #[arg(value_name = "PROGRAM")]
    pub program: String,
    #[command(flatten)]
    pub workload: WorkloadArgs,
    /// Number of CPU threads that it may use [default: all that this process may use]
    #[arg(long, value_name = "N", allow_negative_numbers = true,
          value_parser = whole::threads, help_heading = "Engine")]
    pub threads: Option<u16>,
}
