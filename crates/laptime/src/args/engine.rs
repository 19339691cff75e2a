//! What trains, as the command line states it.

use clap::Args as ClapArgs;

use super::{DeviceArg, whole};
use crate::passes;

#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// The engine: laptime, pytorch, tensorflow, jax or mlx, or a program of your own by its path: ./mine
    #[arg(long, value_name = "ENGINE", default_value = "laptime")]
    pub engine: String,
    /// With --engine tensorflow: train exactly as the published scripts do, with the initial weights,
    /// shuffling and defaults of Keras; in a race, this is the engine tensorflow-as-published
    #[arg(long)]
    pub as_published: bool,
    #[command(flatten)]
    pub settings: EngineSettings,
}

#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Engine")]
pub struct EngineSettings {
    /// The device: cpu, gpu, gpu:N, or auto, which tries them and takes the fastest for this workload
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceArg,
    /// Number of CPU threads [default: all that this process may use or, for laptime, as many of them as are fastest]
    #[arg(long, value_name = "N", allow_negative_numbers = true,
          value_parser = whole::threads)]
    pub threads: Option<u16>,
}

/// Apart from the engine's other settings, because help has it among what is rarely used.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Advanced")]
pub struct PassesArgs {
    #[arg(long, value_name = "PASSES", default_value = "all", help = passes::help(), hide_short_help = true)]
    pub passes: String,
}
