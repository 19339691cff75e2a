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
#[command(next_help_heading = "Workload")]
pub struct SweepArgs {
    /// A built-in workload, a workload file, or - for standard input
    #[arg(
        value_name = "WORKLOAD|FILE.toml",
        default_value = "fashion-mnist",
        help_heading = None
    )]
    pub workload: String,
    /// Batch sizes: a range, of which A, B and the sizes doubling from A are timed, or a list with commas
    /// [default: 16..1024, unless something else is swept]
    #[arg(long, value_name = "A..B", conflicts_with_all = ["width"])]
    pub batch_size: Option<Sizes>,
    /// Widths: how many times the units that the dense layers have, as 1x..8x
    #[arg(long, value_name = "Ax..Bx")]
    pub width: Option<Sizes>,
    /// Precision of matrix products: fp32, or bf16 with fp32 sums and weights [default: the workload's]
    #[arg(long, value_name = "P")]
    pub precision: Option<Precision>,
    /// Engine that trains
    #[arg(
        long,
        value_name = "ENGINE",
        default_value = "laptime",
        help_heading = "Engine"
    )]
    pub engine: String,
    /// Device to train on: cpu, gpu, gpu:N, or auto, which picks the fastest for this workload by trial
    #[arg(
        long,
        value_name = "DEVICE",
        default_value = "auto",
        help_heading = "Engine"
    )]
    pub device: DeviceArg,
    /// CPU threads: one number for all points, or numbers to sweep, as 1..16 [default: all available to this
    /// process]
    #[arg(long, value_name = "N|A..B", help_heading = "Engine")]
    pub threads: Option<Threads>,
    #[command(flatten)]
    pub samples: SampleArgs,
    /// Number of rounds. In each, every point is timed once; every other round is in reverse order
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
    #[arg(long, help_heading = "Advanced", hide_short_help = true)]
    pub no_telemetry: bool,
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
            },
        }
    }
}
