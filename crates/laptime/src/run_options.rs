//! The command line of `laptime run` resolved: every name looked up, every default filled in.

use std::{env, num::NonZeroU64, path::Path, time::Duration};

use laptime_measure::{Ends, Goal};
use laptime_results::{Record, export};
use laptime_workload::{Shown, Workload, dataset::LoadOptions};

use crate::{
    args::RunArgs,
    budget::Budget,
    checkpoint::CheckpointChoice,
    engine_choice::{EngineChoice, UnstatedThreads},
    exports::{self, Destination, EventFolder, Export, Formats, Inputs},
    failure::Failure,
    given_weights::check_engine,
    load_options::load_options,
    repeat_plan::{MOST_RUNS, Repeats},
    workload_choice::WorkloadChoice,
};

/// What `laptime run` is to do.
pub struct RunOptions {
    /// What to train.
    pub workload: WorkloadChoice,
    /// What trains.
    pub engine: EngineChoice,
    /// Where samples come from.
    pub load: LoadOptions,
    /// Where the training ends.
    pub ends: Ends,
    /// How often it is done again.
    pub repeats: Repeats,
    /// The time that there is for it, where as much is trained as fits into that, whatever `ends` and `repeats`
    /// say.
    pub share: Option<Duration>,
    /// How long to wait for a quiet machine, where that is wanted.
    pub wait_quiet: Option<Duration>,
    /// Whether the machine is observed meanwhile.
    pub telemetry: bool,
    /// Whether it is measured what bounds a step.
    pub analysis: bool,
    /// Where the result goes beside standard output and the store.
    pub exports: Vec<Export>,
    /// Where TensorBoard's event files go.
    pub tensorboard: Option<EventFolder>,
    /// Where the trained parameters go.
    pub save: Option<Destination>,
    /// Where the parameters before training go.
    pub initial: Option<Destination>,
    /// Where the training is kept while it goes on, if anywhere.
    pub checkpoints: Option<CheckpointChoice>,
    /// Whether to show it live.
    pub live: bool,
    /// No progress, no notes.
    pub quiet: bool,
    /// Whether to show where the time goes.
    pub profile: bool,
}

/// Whether the training has what it is to reach.
fn check_goal(goal: Goal, workload: &Workload) -> Result<(), Failure> {
    let wanted = goal.metric.as_str();
    if workload.loss.metrics().iter().any(|it| it.name == wanted) {
        return Ok(());
    }
    let Workload { name, loss, .. } = workload;
    Err(Failure::Usage(format!(
        "--until {goal}: {name} has no {wanted}, because its loss is {loss}; give --until loss=VALUE"
    )))
}

impl RunOptions {
    /// Makes sense of the arguments of `laptime run`.
    pub fn resolve(args: RunArgs) -> Result<Self, Failure> {
        let formats = Formats {
            json: |records: &[Record]| records.iter().map(export::json).collect(),
            csv: export::csv,
            markdown: export::markdown,
        };
        let mut inputs = Inputs::of(
            args.workload.file(),
            args.samples.data_dir.as_deref(),
            args.checkpoints.checkpoint.as_deref(),
        );
        if let Some(path) = &args.weights.init {
            inputs.add("the file of --init", path.clone());
        }
        let models = [("--save", args.save), ("--initial", args.initial)];
        let (exports, [save, initial]) = exports::open(args.exports, models, &formats, &inputs)?;
        let tensorboard = EventFolder::asked(args.tensorboard, &inputs)?;
        let workload = WorkloadChoice::of_training(&args.workload, &args.training)?
            .starting_from(args.weights.init.as_deref())?;
        if let Some(goal) = args.until {
            check_goal(goal, &workload.workload)?;
        }
        // Before the devices: they may be tried out, which takes seconds.
        let checkpoints = CheckpointChoice::resolve(args.checkpoints, args.runs)?;
        let is_once = checkpoints.is_some() || args.max_steps.is_some() || args.profile;
        let engine = EngineChoice::resolve(
            args.engine,
            &args.passes,
            &workload,
            UnstatedThreads::Fastest,
        )?;
        let about_weights = [
            ("--init", args.weights.init.is_some()),
            ("--initial", initial.is_some()),
        ];
        for (option, _) in about_weights.into_iter().filter(|(_, is_given)| *is_given) {
            check_engine(option, engine.engine)?;
        }
        Ok(Self {
            engine,
            workload,
            load: load_options(args.samples),
            ends: Ends {
                max_steps: args.max_steps.map(Into::into),
                goal: args.until,
                no_test: args.no_test,
            },
            repeats: match args.sustain {
                Some(Budget(time)) => Repeats::Sustain(time),
                None => repeats(args.runs, args.budget, is_once)?,
            },
            share: None,
            wait_quiet: args.wait_quiet.map(|Budget(limit)| limit),
            telemetry: !args.no_telemetry,
            analysis: !args.no_analysis && env::var_os(NO_ANALYSIS_VARIABLE).is_none(),
            exports,
            tensorboard,
            save,
            initial,
            checkpoints,
            live: args.live,
            quiet: args.quiet,
            profile: args.profile,
        })
    }
}

/// How often a run is done again. `is_once`: what is asked for besides is of one run, unless the command
/// line says how often.
fn repeats(
    runs: Option<NonZeroU64>,
    budget: Option<Budget>,
    is_once: bool,
) -> Result<Repeats, Failure> {
    if let Some(runs) = runs {
        if runs.get() > MOST_RUNS {
            return Err(Failure::Usage(format!(
                "--runs {runs}: more than {MOST_RUNS} runs are no record; give fewer"
            )));
        }
        return Ok(Repeats::Fixed(runs.get()));
    }
    if let Some(budget) = budget {
        return Ok(Repeats::Budget(budget.0));
    }
    if is_once {
        return Ok(Repeats::Fixed(1));
    }
    let Some(runs) = env::var_os(RUNS_VARIABLE).filter(|runs| !runs.is_empty()) else {
        return Ok(Repeats::Budget(DEFAULT_BUDGET));
    };
    let number: Option<NonZeroU64> = runs.to_str().and_then(|runs| runs.parse().ok());
    let number = number.filter(|runs| runs.get() <= MOST_RUNS);
    number
        .map(|runs| Repeats::Fixed(runs.get()))
        .ok_or_else(|| {
            Failure::Usage(format!(
                "{RUNS_VARIABLE}={}: it takes a number of runs from 1 on; correct or unset it",
                Shown(Path::new(&runs))
            ))
        })
}

/// How often a run is done, where the command line does not say it.
const RUNS_VARIABLE: &str = "LAPTIME_RUNS";
/// Set to anything, no run is analysed.
const NO_ANALYSIS_VARIABLE: &str = "LAPTIME_NO_ANALYSIS";
/// How long runs are repeated, where nothing says it: `run fashion-mnist` is to be done in half a minute.
const DEFAULT_BUDGET: Duration = Duration::from_secs(25);
