//! What `laptime orders` is asked.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::TrainingArgs;

#[derive(Debug, ClapArgs)]
pub struct OrdersArgs {
    /// A built-in workload, a workload file, or - for standard input
    #[arg(value_name = "WORKLOAD|FILE.toml", default_value = "fashion-mnist")]
    pub workload: String,
    #[command(flatten)]
    pub training: TrainingArgs,
    /// Write the orders to this file: NumPy's format if its name ends in .npy (int32, epochs × samples), else
    /// text, one epoch a line; - is standard output
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "-",
        help_heading = "Output"
    )]
    pub output: PathBuf,
}
