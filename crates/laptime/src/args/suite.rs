//! What `laptime suite` is asked.

use clap::Args as ClapArgs;

use super::{EngineArgs, ExportArgs, PassesArgs, SampleArgs};
use crate::budget::Budget;

#[derive(Debug, ClapArgs)]
pub struct SuiteArgs {
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub samples: SampleArgs,
    /// Time for all workloads together: quick ones are trained in full and repeated; of long ones, as many
    /// steps as fit are run, and extrapolated. Verification takes extra time the first time
    #[arg(
        long,
        value_name = "TIME",
        default_value = "110s",
        help_heading = "Repetitions"
    )]
    pub budget: Budget,
    /// Wait until other processes leave the machine idle, but no longer than this
    #[arg(
        long,
        value_name = "TIME",
        default_value = "20s",
        help_heading = "Repetitions"
    )]
    pub wait_quiet: Budget,
    #[command(flatten)]
    pub exports: ExportArgs,
    /// Hide progress and notes; show the result and warnings only
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    #[command(flatten)]
    pub passes: PassesArgs,
    /// Do not monitor what else the machine does during the runs
    #[arg(long, help_heading = "Advanced", hide_short_help = true)]
    pub no_telemetry: bool,
    /// Do not measure what limits a step
    #[arg(long, help_heading = "Advanced", hide_short_help = true)]
    pub no_analysis: bool,
}
