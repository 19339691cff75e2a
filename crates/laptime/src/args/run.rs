//! What `laptime run` is asked.

use std::{num::NonZeroU64, path::PathBuf};

use clap::Args as ClapArgs;
use laptime_measure::Goal;

use super::{
    CheckpointArgs, EngineArgs, ExportArgs, PassesArgs, SampleArgs, TrainingArgs, WeightsArgs,
    WorkloadArgs, whole,
};
use crate::budget::Budget;

#[derive(Debug, ClapArgs)]
pub struct RunArgs {
    #[command(flatten)]
    pub workload: WorkloadArgs,
    #[command(flatten)]
    pub training: TrainingArgs,
    #[command(flatten)]
    pub weights: WeightsArgs,
    /// Stop after N training steps, then test; the record is marked partial
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = whole::positive::<NonZeroU64>,
        help_heading = "Training"
    )]
    pub max_steps: Option<NonZeroU64>,
    /// Test after each epoch, and stop when this score is reached: accuracy=0.88, or loss=0.35
    #[arg(
        long,
        value_name = "SCORE",
        conflicts_with_all = ["checkpoint", "max_steps"],
        help_heading = "Training"
    )]
    pub until: Option<Goal>,
    /// Do not test: the total is that of preparing, compiling and training; the record is marked partial
    #[arg(long, conflicts_with = "until", help_heading = "Training")]
    pub no_test: bool,
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub samples: SampleArgs,
    /// Compile, train and test N times, from the same seed, each time in a new process; two or more runs are
    /// preceded by a cold run that does not count [default: as --budget allows, or the variable LAPTIME_RUNS]
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = whole::positive::<NonZeroU64>,
        conflicts_with = "budget",
        help_heading = "Repetitions"
    )]
    pub runs: Option<NonZeroU64>,
    /// Repeat the run for at most this time: 20s, 10m, 1h. After five runs, laptime decides how many are
    /// needed to know the median to 2 %; if fewer than eight fit, there is one run [default: 25s]
    #[arg(long, value_name = "TIME", help_heading = "Repetitions")]
    pub budget: Option<Budget>,
    /// Repeat the run until this time is over, to show whether the machine sustains its speed: 10m
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with_all = ["runs", "budget", "checkpoint"],
        help_heading = "Repetitions"
    )]
    pub sustain: Option<Budget>,
    /// Wait until other processes leave the machine idle, but no longer than this [default: 5m]
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        default_missing_value = "5m",
        require_equals = true,
        help_heading = "Repetitions"
    )]
    pub wait_quiet: Option<Budget>,
    #[command(flatten)]
    pub checkpoints: CheckpointArgs,
    #[command(flatten)]
    pub exports: ExportArgs,
    /// Write the runs as TensorBoard's event files into this folder, beside others that are there
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub tensorboard: Option<PathBuf>,
    /// Write the trained model as safetensors, with the parameter names of PyTorch: LAYER.weight, LAYER.bias,
    /// LAYER.running_mean, LAYER.running_var; ResNet50 has those of torchvision
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub save: Option<PathBuf>,
    /// Write the weights before training, in the same format
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub initial: Option<PathBuf>,
    /// Also show where the time of a training step goes, kernel by kernel
    #[arg(long, help_heading = "Output")]
    pub profile: bool,
    /// Show a live dashboard: curves, throughput, cores, published results; without a terminal, one line per
    /// epoch
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
    /// Do not measure what limits a step after the runs; the variable LAPTIME_NO_ANALYSIS does the same
    #[arg(long, help_heading = "Advanced", hide_short_help = true)]
    pub no_analysis: bool,
}
