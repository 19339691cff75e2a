//! What `laptime sweep` is asked.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use laptime_results::sweep::MOST_ROUNDS;
use laptime_workload::Precision;

use super::{EngineArgs, SampleArgs, sizes::Sizes};

#[derive(Debug, ClapArgs)]
pub struct SweepArgs {
    /// A built-in workload, a file with a workload of your own, or - for standard input
    #[arg(value_name = "WORKLOAD|FILE.toml", default_value = "fashion-mnist")]
    pub workload: String,
    /// The batch sizes: the powers of two from A to B with both ends, or a list with commas
    #[arg(long, value_name = "A..B", default_value = "16..1024")]
    pub batch_size: Sizes,
    /// The arithmetic of the products: fp32, or bf16 with sums and weights in fp32
    #[arg(long, value_name = "P")]
    pub precision: Option<Precision>,
    /// Rounds: in each, every batch size is timed once, in an order and then its reverse
    #[arg(
        long,
        value_name = "N",
        default_value = "20",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=MOST_ROUNDS as i64)
    )]
    pub rounds: u32,
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub samples: SampleArgs,
    /// Write the sweep as JSON, for `laptime compare`; - is standard output
    #[arg(long, value_name = "FILE")]
    pub export_json: Option<PathBuf>,
    /// Do not observe what else the machine does meanwhile
    #[arg(long)]
    pub no_telemetry: bool,
    /// Show no progress and no notes; the result and warnings remain
    #[arg(long, short)]
    pub quiet: bool,
}
