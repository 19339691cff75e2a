//! What `laptime race` is asked.

use std::{
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
};

use clap::Args as ClapArgs;

use super::{
    EngineSettings, ExportArgs, PassesArgs, SampleArgs, TrainingArgs, WeightsArgs, WorkloadArgs,
    whole,
};
use crate::budget::Budget;

#[derive(Debug, ClapArgs)]
pub struct RaceArgs {
    #[command(flatten)]
    pub workload: WorkloadArgs,
    #[command(flatten)]
    pub training: TrainingArgs,
    #[command(flatten)]
    pub weights: WeightsArgs,
    /// Stop each run after N training steps, then test; engines are ranked by the time of a step, and the
    /// records are marked partial
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = whole::positive::<NonZeroU64>,
        help_heading = "Training"
    )]
    pub max_steps: Option<NonZeroU64>,
    /// Two or more engines, separated by commas: laptime, pytorch, tensorflow, tensorflow-as-published, jax,
    /// mlx, or programs of your own by their paths: ./mine
    #[arg(
        long,
        value_name = "A,B,...",
        value_delimiter = ',',
        required = true,
        help_heading = "Engine"
    )]
    pub engines: Vec<String>,
    #[command(flatten)]
    pub settings: EngineSettings,
    #[command(flatten)]
    pub samples: SampleArgs,
    /// Number of rounds. In each, every engine starts, compiles, trains and tests once; every other round is
    /// in reverse order. Two or more are preceded by a cold round that does not count [default: 10 if they fit
    /// the budget]
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = whole::positive::<NonZeroU32>,
        conflicts_with = "budget",
        help_heading = "Repetitions"
    )]
    pub runs: Option<NonZeroU32>,
    /// Run as many of ten rounds as fit this time: 90s, 10m, 1h. A round starts only if the longest one so far
    /// would still fit; loading and verification do not count [default: 30m]
    #[arg(long, value_name = "TIME", help_heading = "Repetitions")]
    pub budget: Option<Budget>,
    #[command(flatten)]
    pub exports: ExportArgs,
    /// Write the runs as TensorBoard's event files into this folder, beside others that are there
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub tensorboard: Option<PathBuf>,
    /// Show the race live: engines as lanes of one track
    #[arg(long, conflicts_with = "quiet", help_heading = "Output")]
    pub live: bool,
    /// Hide progress and notes; show the result and warnings only
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    #[command(flatten)]
    pub passes: PassesArgs,
    /// Do not monitor what else the machine does during the runs
    #[arg(long, help_heading = "Advanced", hide_short_help = true)]
    pub no_telemetry: bool,
}
