//! The command line as it is typed. `options` makes sense of it.

mod compare;
mod sizes;
mod suite;
mod sweep;

use std::{
    num::{NonZeroU32, NonZeroU64},
    path::{Path, PathBuf},
};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use laptime_measure::Goal;
use laptime_workload::{DatasetName, Precision};

pub use crate::device_arg::DeviceArg;
use crate::{budget::Budget, passes};

pub use compare::*;
pub use sizes::Threads;
pub use suite::*;
pub use sweep::*;

/// How long does it take to train a neural network on this machine, and why?
#[derive(Debug, Parser)]
#[command(
    name = "laptime",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Args {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Train and test a workload, and say what it took
    Run(RunArgs),
    /// The whole test in about two minutes: train all built-in workloads, the long ones in part
    Suite(SuiteArgs),
    /// Let engines train the same against each other, and say which is how fast
    Race(RaceArgs),
    /// Compare results: which is faster, by how much, and whether that is more than noise
    Compare(CompareArgs),
    /// List, show, remove, export or check stored records
    Records(RecordsArgs),
    /// Time a step with many batch sizes: overhead and throughput apart
    Sweep(SweepArgs),
    /// Check that an engine does the same training as the float64 oracle
    Verify(VerifyArgs),
    /// Show what is computed (the Program) and how (the Schedule)
    Explain(ExplainArgs),
    /// List what there is to train on, with what it reaches at best, measured
    Devices,
    /// Do a part of the work of another process of laptime, which says what on standard input
    #[command(hide = true)]
    Child,
    /// List, fetch or verify the datasets
    Data(DataArgs),
    /// List, install or remove Python frameworks, each in an environment of its own
    Peers(PeersArgs),
    /// List what is built in
    Workloads(WorkloadsArgs),
    /// Write a workload of your own to start from: a small convolutional net, commented
    Init(InitArgs),
    /// Print the JSON Schema of a record
    Schema,
}

#[derive(Debug, ClapArgs)]
pub struct RunArgs {
    #[command(flatten)]
    pub workload: WorkloadArgs,
    #[command(flatten)]
    pub training: TrainingArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub samples: SampleArgs,
    /// Stop after so many training steps, then test; the record is marked partial
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub max_steps: Option<NonZeroU64>,
    /// Compile, train and test N times, always from the same seed, each time in a process of its own; of
    /// two or more, behind a first, cold run that does not count [default: as many as --budget allows, or
    /// what the variable LAPTIME_RUNS says]
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        conflicts_with = "budget"
    )]
    pub runs: Option<NonZeroU64>,
    /// Repeat the run for this time at most: 20s, 10m, 1h. How often is fixed behind five runs: as often as
    /// a median known to 2 % needs; where eight do not fit, there is one run [default: 25s]
    #[arg(long, value_name = "TIME")]
    pub budget: Option<Budget>,
    /// Repeat the run until this time is over, to show whether the machine keeps its speed: 10m
    #[arg(long, value_name = "TIME", conflicts_with_all = ["runs", "budget", "checkpoint"])]
    pub sustain: Option<Budget>,
    /// Test after every epoch, and end the training when this score is reached: accuracy=0.88, or loss=0.35
    #[arg(long, value_name = "SCORE", conflicts_with_all = ["checkpoint", "max_steps"])]
    pub until: Option<Goal>,
    /// Wait for at most this time until other processes leave the machine alone
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "5m", require_equals = true)]
    pub wait_quiet: Option<Budget>,
    /// Do not observe what else the machine does meanwhile
    #[arg(long)]
    pub no_telemetry: bool,
    /// Do not measure what a step is bound by, after the runs [default: measure it, unless the variable
    /// LAPTIME_NO_ANALYSIS is set]
    #[arg(long)]
    pub no_analysis: bool,
    #[command(flatten)]
    pub exports: ExportArgs,
    /// Write the trained model as safetensors, under PyTorch's names: LAYER.weight, LAYER.bias, and of
    /// batch norms LAYER.running_mean and LAYER.running_var; for ResNet50 those of torchvision
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    #[command(flatten)]
    pub checkpoints: CheckpointArgs,
    /// Also show where the time of a training step goes, kernel by kernel
    #[arg(long)]
    pub profile: bool,
    /// Show no progress and no notes; the result and warnings remain
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Debug, Default, ClapArgs)]
pub struct CheckpointArgs {
    /// Keep the training in this folder behind every epoch, and where it is interrupted
    #[arg(long, value_name = "DIR")]
    pub checkpoint: Option<PathBuf>,
    /// Keep it behind every N steps too
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub checkpoint_every: Option<NonZeroU64>,
    /// Go on with the training that --checkpoint DIR has, as if nothing had happened; where it has
    /// none yet, begin
    #[arg(long)]
    pub resume: bool,
}

#[derive(Debug, ClapArgs)]
pub struct RaceArgs {
    #[command(flatten)]
    pub workload: WorkloadArgs,
    #[command(flatten)]
    pub training: TrainingArgs,
    /// Who races: two engines or more, with commas between them
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', required = true)]
    pub engines: Vec<String>,
    #[command(flatten)]
    pub settings: EngineSettings,
    #[command(flatten)]
    pub samples: SampleArgs,
    /// Stop each run after so many training steps, then test; engines are ranked by the time of a
    /// step, and the records are marked partial
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub max_steps: Option<NonZeroU64>,
    /// Rounds: in each, every engine starts, compiles, trains and tests once, in an order and then its
    /// reverse. Of two or more, behind a first, cold round that does not count [default: 10 where they fit
    /// into the budget]
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        conflicts_with = "budget"
    )]
    pub runs: Option<NonZeroU32>,
    /// As many of ten rounds as fit into this time: 90s, 10m, 1h. A round is begun if one as long as the
    /// longest so far still fits; loading and the gate do not count [default: 30m]
    #[arg(long, value_name = "TIME")]
    pub budget: Option<Budget>,
    /// Do not observe what else the machine does meanwhile
    #[arg(long)]
    pub no_telemetry: bool,
    #[command(flatten)]
    pub exports: ExportArgs,
    /// Show no progress and no notes; the result and warnings remain
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Debug, Default, ClapArgs)]
pub struct ExportArgs {
    /// Write the result as JSON: a record, for a race an array of them, for a comparison an array of rows;
    /// - is standard output
    #[arg(long, value_name = "FILE")]
    pub export_json: Option<PathBuf>,
    /// Write CSV: a row a run, for a comparison a row each; - is standard output
    #[arg(long, value_name = "FILE")]
    pub export_csv: Option<PathBuf>,
    /// Write the result as a Markdown table; - is standard output
    #[arg(long, value_name = "FILE")]
    pub export_markdown: Option<PathBuf>,
}

impl ExportArgs {
    /// Whether any is asked for.
    pub fn any(&self) -> bool {
        let all = [&self.export_json, &self.export_csv, &self.export_markdown];
        all.iter().any(|path| path.is_some())
    }
}

#[derive(Debug, ClapArgs)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub workload: WorkloadArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Print the verdict as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct ExplainArgs {
    #[command(flatten)]
    pub workload: WorkloadArgs,
    /// The device that is lowered for: cpu, or gpu, with the time of a step predicted from what
    /// `laptime devices` measures
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: DeviceArg,
    #[command(flatten)]
    pub passes: PassesArgs,
}

#[derive(Debug, ClapArgs)]
pub struct WorkloadArgs {
    /// A built-in workload, a file with a workload of your own, or - for standard input
    #[arg(value_name = "WORKLOAD|FILE.toml", default_value = "fashion-mnist")]
    pub workload: String,
    /// Train with so many samples a step
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub batch_size: Option<u64>,
    /// The arithmetic of the products: fp32, or bf16 with sums and weights in fp32
    #[arg(long, value_name = "P")]
    pub precision: Option<Precision>,
}

/// What a single step does not depend on.
#[derive(Debug, Default, ClapArgs)]
pub struct TrainingArgs {
    /// Train so many epochs
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub epochs: Option<u64>,
    /// The seed of the initial weights and the orders of samples
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub seed: Option<u64>,
}

#[derive(Debug, Clone, ClapArgs)]
pub struct EngineArgs {
    /// What trains
    #[arg(long, value_name = "ENGINE", default_value = "laptime")]
    pub engine: String,
    /// With --engine tensorflow: train as the published scripts did, to the letter, with Keras's own
    /// initial weights, shuffle and defaults; a race calls this engine tensorflow-as-published
    #[arg(long)]
    pub as_published: bool,
    #[command(flatten)]
    pub settings: EngineSettings,
}

#[derive(Debug, Clone, ClapArgs)]
pub struct EngineSettings {
    /// What it trains on: cpu, gpu, gpu:N, or auto, which takes the fastest for this workload by trial
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceArg,
    /// Threads of a CPU [default: all that this process may use]
    #[arg(long, value_name = "N", allow_negative_numbers = true,
          value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub passes: PassesArgs,
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

#[derive(Debug, Clone, ClapArgs)]
pub struct PassesArgs {
    #[arg(long, value_name = "PASSES", default_value = "all", help = passes::help())]
    pub passes: String,
}

#[derive(Debug, Clone, ClapArgs)]
pub struct SampleArgs {
    /// Which samples will do: auto takes official ones where they can be had, else synthetic ones
    #[arg(long, value_name = "DATA", default_value = "auto")]
    pub data: DataArg,
    /// A folder in which to look for datasets first, laid out as `laptime data list` shows the cache, or as
    /// torchvision or Kaggle lay out theirs
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DataArg {
    /// Real samples where they can be had, and otherwise synthetic ones with a warning
    Auto,
    /// The official samples or none
    Official,
    /// Synthetic samples, without looking for others
    Synthetic,
}

#[derive(Debug, ClapArgs)]
pub struct DataArgs {
    #[command(subcommand)]
    pub verb: DataVerb,
}

#[derive(Debug, Subcommand)]
pub enum DataVerb {
    /// Show the datasets and where they lie
    List(DatasetArgs),
    /// Download what is missing or wrong
    Fetch(DatasetArgs),
    /// Check every file's SHA-256 sum
    Verify(DatasetArgs),
}

#[derive(Debug, ClapArgs)]
pub struct DatasetArgs {
    /// Which datasets [default: all]
    #[arg(value_name = "DATASET")]
    pub datasets: Vec<DatasetName>,
    /// The folder that has a folder for each dataset [default: the cache]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub struct PeersArgs {
    #[command(subcommand)]
    pub verb: PeersVerb,
}

#[derive(Debug, Subcommand)]
pub enum PeersVerb {
    /// Show the frameworks and what is installed of them
    List,
    /// Install a framework, or install it anew
    Install(InstallArgs),
    /// Remove a framework
    Remove(FrameworkArgs),
}

#[derive(Debug, ClapArgs)]
pub struct InstallArgs {
    /// Which framework
    #[arg(value_name = "FRAMEWORK", value_parser = FRAMEWORKS)]
    pub framework: String,
    /// The Python to make its environment from [default: python3 on the path]
    #[arg(long, value_name = "FILE")]
    pub python: Option<PathBuf>,
    /// Which of a framework's packages: PyTorch has small ones for processors alone
    #[arg(long, value_name = "VARIANT", default_value = "default", value_parser = ["default", "cpu", "cuda"])]
    pub variant: String,
}

#[derive(Debug, ClapArgs)]
pub struct FrameworkArgs {
    /// Which framework
    #[arg(value_name = "FRAMEWORK", value_parser = FRAMEWORKS)]
    pub framework: String,
}

const FRAMEWORKS: [&str; 4] = ["pytorch", "tensorflow", "jax", "mlx"];

#[derive(Debug, ClapArgs)]
pub struct WorkloadsArgs {
    /// List what a workload of your own can have: layers, optimizers, losses, paddings and precisions, with
    /// their keys
    #[arg(long)]
    pub layers: bool,
    /// Print the TOML file of a built-in workload
    #[arg(long, value_name = "NAME", conflicts_with = "layers")]
    pub show: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub struct InitArgs {
    /// The workload's name, or the file to write
    #[arg(value_name = "NAME|FILE.toml", default_value = "net.toml")]
    pub file: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
}
