//! What is trained, as the command line states it.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use laptime_workload::Precision;

use super::whole;

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Workload")]
pub struct WorkloadArgs {
    /// A built-in workload, a workload file, or - for standard input
    #[arg(
        value_name = "WORKLOAD|FILE.toml",
        default_value = "fashion-mnist",
        help_heading = None
    )]
    pub workload: String,
    /// Samples per training step [default: the workload's]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::any::<u64>)]
    pub batch_size: Option<u64>,
    /// Precision of matrix products: fp32, or bf16 with fp32 sums and weights [default: the workload's]
    #[arg(long, value_name = "P")]
    pub precision: Option<Precision>,
}

impl WorkloadArgs {
    /// The workload's file: a name that ends in `.toml` or has a path in it is one, any other a
    /// built-in workload.
    pub fn file(&self) -> Option<&Path> {
        let path = Path::new(&self.workload);
        let is_toml = path.extension().is_some_and(|ending| ending == "toml");
        (is_toml || path.components().count() > 1).then_some(path)
    }
}

/// What a single step does not depend on.
#[derive(Debug, Default, ClapArgs)]
#[command(next_help_heading = "Training")]
pub struct TrainingArgs {
    /// Number of epochs to train [default: the workload's]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::any::<u64>)]
    pub epochs: Option<u64>,
    /// Seed of the initial weights and the sample order [default: the workload's]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::any::<u64>)]
    pub seed: Option<u64>,
}

/// What training starts from.
#[derive(Debug, Default, ClapArgs)]
#[command(next_help_heading = "Training")]
pub struct WeightsArgs {
    /// Start from the weights of this safetensors file, with the names and shapes that --save and --initial
    /// write [default: weights drawn from the seed]
    #[arg(long, value_name = "FILE")]
    pub init: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub struct WorkloadsArgs {
    /// List what a workload file can contain: layers, optimizers, schedules, losses, paddings and
    /// precisions, with their keys
    #[arg(long)]
    pub layers: bool,
    /// Print the file of a built-in workload
    #[arg(long, value_name = "NAME", conflicts_with = "layers")]
    pub show: Option<String>,
}
