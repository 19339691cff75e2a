//! What `laptime suite` is asked.

use clap::Args as ClapArgs;

use super::{EngineArgs, ExportArgs, SampleArgs};
use crate::budget::Budget;

#[derive(Debug, ClapArgs)]
pub struct SuiteArgs {
    /// The time for all workloads together: quick ones are trained in full and repeated, long ones by as
    /// many steps as fit, and extrapolated; the gate, where its verdict is not remembered, comes on top
    #[arg(long, value_name = "TIME", default_value = "110s")]
    pub budget: Budget,
    /// Wait for at most this time until other processes leave the machine alone
    #[arg(long, value_name = "TIME", default_value = "20s")]
    pub wait_quiet: Budget,
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub samples: SampleArgs,
    /// Do not observe what else the machine does meanwhile
    #[arg(long)]
    pub no_telemetry: bool,
    /// Do not measure what steps are bound by
    #[arg(long)]
    pub no_analysis: bool,
    #[command(flatten)]
    pub exports: ExportArgs,
    /// Show no progress and no notes; the result and warnings remain
    #[arg(long, short)]
    pub quiet: bool,
}
