//! The command line as it is typed. `options` makes sense of it.
//!
//! Help has its options under headings, in the order in which the fields here mention them first:
//! what is used rarely ("Advanced") comes last in each verb.

mod checkpoint;
mod compare;
mod data;
mod engine;
mod engine_verb;
mod examples;
mod exports;
mod import;
mod orders;
mod peaks;
mod peers;
mod race;
mod report;
mod run;
mod samples;
mod sizes;
mod suite;
mod sweep;
mod whole;
mod workload;

use std::{env, ffi::OsString, path::PathBuf};

use clap::{
    ArgAction, Args as ClapArgs, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand,
    ValueEnum,
};
use clap_complete::Shell;

pub use crate::device_arg::DeviceArg;

pub use checkpoint::*;
pub use compare::*;
pub use data::*;
pub use engine::*;
pub use engine_verb::*;
use examples::examples;
pub use exports::*;
pub use import::*;
pub use orders::*;
pub use peaks::PeaksArg;
pub use peers::*;
pub use race::*;
pub use report::*;
pub use run::*;
pub use samples::*;
pub use sizes::Threads;
pub use suite::*;
pub use sweep::*;
pub use workload::*;

/// How long does it take to train a neural network on this machine, and why?
#[derive(Debug, Parser)]
#[command(
    name = "laptime",
    // Else usage has the name of the file: `laptime.exe`.
    bin_name = "laptime",
    version,
    long_version = LONG_VERSION,
    propagate_version = true,
    max_term_width = 100,
    // Ours below have a heading.
    disable_help_flag = true,
    disable_version_flag = true,
    after_help = examples(&[
        ("laptime run", "train and test Fashion-MNIST"),
        ("laptime suite", "the whole speed test"),
        ("laptime compare last \"Apple M1\"", "compare with a published result"),
    ])
)]
pub struct Args {
    #[command(subcommand)]
    pub verb: Verb,
    /// When to use colors; auto: on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        default_value = "auto",
        help_heading = "General"
    )]
    pub color: ColorChoice,
    /// Print help
    #[arg(long, short, global = true, action = ArgAction::Help, help_heading = "General")]
    pub help: Option<bool>,
    /// Print the version; --version adds commit and target
    #[arg(long, short = 'V', global = true, action = ArgAction::Version, help_heading = "General")]
    pub version: Option<bool>,
}

impl Args {
    /// The arguments of this process. Help and mistakes have the colours that --color asks for, too.
    pub fn of_process() -> Result<Self, clap::Error> {
        let asked = colour_asked(env::args_os());
        let mut matches = Self::command().color(asked).try_get_matches()?;
        Self::from_arg_matches_mut(&mut matches)
    }
}

/// What --color says, looked for before anything else is understood: that may be what is wrong.
fn colour_asked(arguments: impl Iterator<Item = OsString>) -> ColorChoice {
    let mut arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
    let mut asked = None;
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix("--color") {
            Some("") => asked = arguments.next(),
            Some(value) => asked = value.strip_prefix('=').map(Into::into).or(asked),
            None => {}
        }
    }
    let choice = asked.and_then(|asked| ColorChoice::from_str(&asked, false).ok());
    choice.unwrap_or_default()
}

/// `0.1.0 (COMMIT, TARGET)`; a build outside of our own repository knows no commit.
const LONG_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("LAPTIME_BUILD"), ")");

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Train and test a workload, and report how long it takes and why
    #[command(after_help = examples(&[
        ("laptime run", "Fashion-MNIST, repeated for 25 s"),
        ("laptime run cifar10-resnet50 --max-steps 200", "a part of a long training"),
        ("laptime run --until accuracy=0.88", "time to accuracy"),
        ("laptime run net.toml --profile", "your own network, kernel by kernel"),
    ]))]
    Run(RunArgs),
    /// Run both benchmark workloads in about two minutes; long ones in part, extrapolated
    #[command(after_help = examples(&[
        ("laptime suite", "all workloads on the fastest device"),
        ("laptime suite --device cpu --budget 5m", "longer, on the CPU"),
        ("laptime suite --export-markdown suite.md", "the table for a web page"),
    ]))]
    Suite(SuiteArgs),
    /// Train the same workload on several engines in turn, and report their relative speed
    #[command(after_help = examples(&[
        ("laptime peers install pytorch", "once"),
        ("laptime race --engines laptime,pytorch", "the default workload"),
        ("laptime race net.toml --engines laptime,jax --max-steps 500", "steps only"),
    ]))]
    Race(RaceArgs),
    /// Compare results: which is faster, by how much, and whether it is more than noise
    #[command(after_help = examples(&[
        ("laptime compare last last~1", "the two newest records"),
        ("laptime compare last \"Apple M1\"", "with a published result"),
        ("laptime compare new.json old.json --fail-if-slower 3%", "in CI"),
    ]))]
    Compare(CompareArgs),
    /// Write a report for a browser: one HTML file, or a static site of many records
    #[command(after_help = examples(&[
        ("laptime report", "the last record, to report.html"),
        ("laptime report a.json b.json -o report.html", "side by side"),
        ("laptime report records/*.json --site public", "tables of many"),
    ]))]
    Report(ReportArgs),
    /// List, show, remove, export or check stored records
    #[command(after_help = examples(&[
        ("laptime records list --workload fashion-mnist", "what is stored"),
        ("laptime records show last", "the newest one"),
        ("laptime records export --csv runs.csv", "every run, as a table"),
        ("laptime records check r.json", "is this record sound?"),
    ]))]
    Records(RecordsArgs),
    /// Time training steps at many batch sizes, to separate overhead from throughput
    #[command(after_help = examples(&[
        ("laptime sweep", "Fashion-MNIST, batch sizes 16 to 1024"),
        ("laptime sweep --batch-size 32,96,128", "these batch sizes"),
        ("laptime sweep --device gpu --export-json gpu.json", "for laptime compare"),
    ]))]
    Sweep(SweepArgs),
    /// Check that an engine does the same training as the float64 reference
    #[command(after_help = examples(&[
        ("laptime verify", "the default engine and workload"),
        ("laptime verify net.toml --engine pytorch", "a framework"),
        ("laptime verify --precision bf16 --json", "the verdict as JSON"),
    ]))]
    Verify(VerifyArgs),
    /// Show what is computed (the Program) and how (the Schedule)
    #[command(after_help = examples(&[
        ("laptime explain", "Fashion-MNIST on the CPU"),
        ("laptime explain net.toml --device gpu", "with a predicted step time"),
        ("laptime explain --device gpu --peaks \"RTX 2080 Ti\"", "on a card that is not here"),
    ]))]
    Explain(ExplainArgs),
    /// List the devices to train on, with their measured peak throughput
    Devices,
    /// Check a program of your own that trains as an engine of laptime
    #[command(after_help = examples(&[
        ("laptime engine check ./mine", "does it follow the protocol?"),
        ("laptime race --engines laptime,./mine", "race it"),
    ]))]
    Engine(EngineVerbArgs),
    /// List, download or verify the datasets
    Data(DataArgs),
    /// Write the order of samples in each epoch, to repeat a training in your own framework
    #[command(after_help = examples(&[
        ("laptime orders -o orders.npy", "Fashion-MNIST, for numpy.load"),
        ("laptime orders net.toml --epochs 2 | head -c 60", "as text"),
    ]))]
    Orders(OrdersArgs),
    /// List, install or remove Python frameworks, each in its own environment
    Peers(PeersArgs),
    /// List the built-in workloads, or what a workload file can contain
    Workloads(WorkloadsArgs),
    /// Write a commented workload file to start from: a small convolutional network
    #[command(after_help = examples(&[
        ("laptime init", "writes net.toml"),
        ("laptime init lenet", "writes lenet.toml"),
        ("laptime run lenet.toml --data synthetic", "trains it"),
    ]))]
    Init(InitArgs),
    /// Make a workload file of an ONNX model, as PyTorch and Keras export it, or of a .keras file
    #[command(after_help = examples(&[
        ("laptime import lenet.onnx", "writes lenet.toml"),
        ("laptime import lenet.onnx --weights lenet.safetensors", "its weights too"),
    ]))]
    Import(ImportArgs),
    /// Print the JSON Schema of a record
    Schema,
    /// Print a completion script for a shell
    #[command(after_help = examples(&[
        ("laptime completions bash > ~/.local/share/bash-completion/completions/laptime", ""),
        ("laptime completions zsh > ~/.zfunc/_laptime", ""),
        ("laptime completions fish > ~/.config/fish/completions/laptime.fish", ""),
    ]))]
    Completions(CompletionsArgs),
    /// Print the manual page of the whole command line, as roff
    #[command(after_help = examples(&[
        ("laptime man > ~/.local/share/man/man1/laptime.1", "for man laptime"),
    ]))]
    Man,
}

#[derive(Debug, ClapArgs)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub workload: WorkloadArgs,
    #[command(flatten)]
    pub weights: WeightsArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Print the verdict as JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    #[command(flatten)]
    pub passes: PassesArgs,
}

#[derive(Debug, ClapArgs)]
pub struct ExplainArgs {
    #[command(flatten)]
    pub workload: WorkloadArgs,
    /// The device to compile for: cpu, or gpu, with a step time predicted from the peaks that `laptime
    /// devices` measures
    #[arg(
        long,
        value_name = "DEVICE",
        default_value = "cpu",
        help_heading = "Engine"
    )]
    pub device: DeviceArg,
    /// Predict a step on a GPU that need not be here, with --device gpu: a well-known card by its name, or
    /// fp32 FLOP/s, bytes/s of its memory and its number of multiprocessors
    #[arg(
        long,
        value_name = "NAME|F,B,N",
        help_heading = "Engine",
        allow_hyphen_values = true
    )]
    pub peaks: Option<PeaksArg>,
    /// The schedule for N CPU threads instead of those that there are, with a prediction of how well a
    /// training step's work would spread over them, stage by stage: counted, not measured
    #[arg(
        long,
        value_name = "N",
        help_heading = "Engine",
        allow_negative_numbers = true,
        value_parser = whole::threads
    )]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub passes: PassesArgs,
}

#[derive(Debug, ClapArgs)]
pub struct InitArgs {
    /// The workload's name, or the file to write
    #[arg(value_name = "NAME|FILE.toml", default_value = "net.toml")]
    pub file: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, ClapArgs)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    #[test]
    fn help_fits_80_columns() {
        fn check(command: &Command) {
            let help = command.clone().term_width(80).render_help().to_string();
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{line}\n{help}");
            }
            // Nor does it break an example, whose lines all begin behind the margin.
            let examples = help.split("Examples:\n").nth(1).unwrap_or_default();
            assert!(
                examples.lines().all(|line| line.starts_with("  ")),
                "{help}"
            );
            command.get_subcommands().for_each(check);
        }
        let mut command = Args::command();
        command.build();
        check(&command);
    }

    #[test]
    fn the_command_line_is_one_that_clap_can_parse() {
        Args::command().debug_assert();
    }

    #[test]
    fn colour_is_asked_for_even_by_a_command_line_that_is_wrong() {
        for (line, expected) in [
            ("laptime run --color never --nonsense", ColorChoice::Never),
            ("laptime --color=always", ColorChoice::Always),
            ("laptime --color", ColorChoice::Auto),
            ("laptime --colors=never --color=blue", ColorChoice::Auto),
        ] {
            let found = colour_asked(line.split(' ').map(Into::into));
            assert_eq!(found, expected, "{line}");
        }
    }
}
