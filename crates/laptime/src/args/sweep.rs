//! What `laptime sweep` is asked.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use laptime_results::sweep::MOST_ROUNDS;
use laptime_workload::Precision;

use super::{
    DeviceArg, EngineArgs, EngineSettings, PassesArgs, SampleArgs,
    sizes::{Sizes, Threads},
};

#[derive(Debug, ClapArgs)]
pub struct SweepArgs {
    /// A built-in workload, a file with a workload of your own, or - for standard input
    #[arg(value_name = "WORKLOAD|FILE.toml", default_value = "fashion-mnist")]
    pub workload: String,
    /// The batch sizes: from A on twice as many each time, to B, or a list with commas [default: 16..1024,
    /// where nothing else is swept]
    #[arg(long, value_name = "A..B", conflicts_with_all = ["width"])]
    pub batch_size: Option<Sizes>,
    /// How many times the units that the dense layers have: 1x..8x
    #[arg(long, value_name = "Ax..Bx")]
    pub width: Option<Sizes>,
    /// Threads of a CPU: one number for all points, or what is swept: 1..16 [default: all that this process
    /// may use]
    #[arg(long, value_name = "N|A..B")]
    pub threads: Option<Threads>,
    /// The arithmetic of the products: fp32, or bf16 with sums and weights in fp32
    #[arg(long, value_name = "P")]
    pub precision: Option<Precision>,
    /// Rounds: in each, every point is timed once, in an order and then its reverse
    #[arg(
        long,
        value_name = "N",
        default_value = "20",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=MOST_ROUNDS as i64)
    )]
    pub rounds: u32,
    /// What trains
    #[arg(long, value_name = "ENGINE", default_value = "laptime")]
    pub engine: String,
    /// What it trains on: cpu, gpu, gpu:N, or auto, which takes the fastest for this workload by trial
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceArg,
    #[command(flatten)]
    pub passes: PassesArgs,
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

impl SweepArgs {
    /// The engine and what it runs on; threads that are swept are left to the points.
    pub fn engine_args(&self) -> EngineArgs {
        EngineArgs {
            engine: self.engine.clone(),
            as_published: false,
            settings: EngineSettings {
                device: self.device,
                threads: match &self.threads {
                    Some(Threads::Fixed(threads)) => Some(*threads),
                    Some(Threads::Swept(_)) | None => None,
                },
                passes: self.passes.clone(),
            },
        }
    }
}
