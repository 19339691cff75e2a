//! What `laptime sweep` is asked.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use laptime_results::sweep::MOST_ROUNDS;
use laptime_workload::Precision;

use super::{EngineArgs, PassesArgs, SampleArgs, sizes::Sizes};

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Workload")]
pub struct SweepArgs {
    /// A built-in workload, a workload file, or - for standard input
    #[arg(
        value_name = "WORKLOAD|FILE.toml",
        default_value = "fashion-mnist",
        help_heading = None
    )]
    pub workload: String,
    /// The batch sizes: a range, of which A, B and the sizes doubling from A are timed, or a list with commas
    #[arg(long, value_name = "A..B", default_value = "16..1024")]
    pub batch_size: Sizes,
    /// Precision of matrix products: fp32, or bf16 with fp32 sums and weights [default: the workload's]
    #[arg(long, value_name = "P")]
    pub precision: Option<Precision>,
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub samples: SampleArgs,
    /// Number of rounds. In each, every batch size is timed once; every other round is in reverse order
    #[arg(
        long,
        value_name = "N",
        default_value = "20",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=MOST_ROUNDS as i64),
        help_heading = "Repetitions"
    )]
    pub rounds: u32,
    /// Write the sweep as JSON, for `laptime compare`; - is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub export_json: Option<PathBuf>,
    /// Hide progress and notes; show the result and warnings only
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    #[command(flatten)]
    pub passes: PassesArgs,
    /// Do not monitor what else the machine does during the timing
    #[arg(long, help_heading = "Advanced")]
    pub no_telemetry: bool,
}
