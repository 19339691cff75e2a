//! The command line resolved: every name looked up, every default filled in.

use std::{env, io, num::NonZeroU64, path::Path, sync::Arc, time::Duration};

use laptime_engine::{Device, Engine, Passes};
use laptime_measure::{Ends, Goal, Machine};
use laptime_results::{DeviceTrial, Record, export, number::counted};
use laptime_workload::{
    Builtin, Overrides, Shown, Spec, Workload,
    dataset::{LoadOptions, Policy},
};

use crate::{
    args::{
        CheckpointArgs, DataArg, EngineArgs, EngineSettings, PassesArgs, RaceArgs, RunArgs,
        SampleArgs, TrainingArgs, WorkloadArgs,
    },
    budget::Budget,
    checkpoint::folder::Folder,
    device_choice::{Wish, choose},
    display::Line,
    engines,
    exports::{self, Destination, EventFolder, Export, Formats, Inputs},
    failure::Failure,
    output::{is_standard_stream, stderr_is_terminal},
    passes::passes,
    race::length::Length,
    repeats::plan::Repeats,
};

/// What to train.
pub struct WorkloadChoice {
    /// The resolved workload.
    pub workload: Arc<Workload>,
    /// Whether it is built in, not a user's file.
    pub built_in: bool,
}

/// What trains, and how.
pub struct EngineChoice {
    /// The engine.
    pub engine: &'static dyn Engine,
    /// The machine it runs on.
    pub machine: Machine,
    /// The device of the machine.
    pub device: Device,
    /// Threads of a CPU.
    pub threads: usize,
    /// The optional passes of the compiler.
    pub passes: Passes,
    /// Why this device, where there was a choice.
    pub why: Option<String>,
    /// What the user would not expect of the device.
    pub warning: Option<String>,
    /// What a record should say of the choice, where there was one.
    pub trial: Option<DeviceTrial>,
}

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
    /// Where the training is kept while it goes on, if anywhere.
    pub checkpoints: Option<CheckpointChoice>,
    /// Whether to show it live.
    pub live: bool,
    /// No progress, no notes.
    pub quiet: bool,
    /// Whether to show where the time goes.
    pub profile: bool,
}

/// Where a training is kept while it goes on, and when.
pub struct CheckpointChoice {
    /// The folder.
    pub folder: Folder,
    /// Behind every so many steps, beside every epoch.
    pub every_steps: Option<u64>,
    /// Whether to go on from what it has.
    pub resume: bool,
}

/// What `laptime race` is to do.
pub struct RaceOptions {
    /// What to train.
    pub workload: WorkloadChoice,
    /// Who races, in the order of the command line.
    pub engines: Vec<EngineChoice>,
    /// Where samples come from.
    pub load: LoadOptions,
    /// Training steps of a run at most.
    pub max_steps: Option<u64>,
    /// How long it goes on.
    pub length: Length,
    /// Whether the machine is observed meanwhile.
    pub telemetry: bool,
    /// Where the result goes beside standard output and the store.
    pub exports: Vec<Export>,
    /// Where TensorBoard's event files go.
    pub tensorboard: Option<EventFolder>,
    /// Whether to show it live.
    pub live: bool,
    /// No progress, no notes.
    pub quiet: bool,
}

impl RaceOptions {
    /// Where each training ends.
    pub fn ends(&self) -> Ends {
        Ends {
            max_steps: self.max_steps,
            ..Ends::default()
        }
    }

    /// Makes sense of the arguments of `laptime race`, and finds all engines that cannot start.
    pub fn resolve(args: RaceArgs) -> Result<Self, Failure> {
        let formats = Formats {
            json: export::json_array,
            csv: export::csv,
            markdown: export::race_markdown,
        };
        let names: Vec<&str> = args.engines.iter().map(|name| name.trim()).collect();
        if names.len() < 2 {
            return Err(Failure::Usage(format!(
                "--engines {}: a race takes two engines or more, with commas between them; \
                 `laptime run --engine` runs one",
                names.join(",")
            )));
        }
        for (index, name) in names.iter().enumerate() {
            engines::find("--engines", name)?;
            if names[..index].contains(name) {
                return Err(Failure::Usage(format!(
                    "--engines: {name} is named twice; name every engine once"
                )));
            }
        }
        let inputs = Inputs::of(args.workload.file(), args.samples.data_dir.as_deref(), None);
        let (exports, _) = exports::open(args.exports, None, &formats, &inputs)?;
        let tensorboard = EventFolder::asked(args.tensorboard, &inputs)?;
        let workload = WorkloadChoice::of_training(&args.workload, &args.training)?;
        let machine = Machine::identify();
        // A framework needs seconds to be imported.
        let line = Line::new(!args.quiet && stderr_is_terminal());
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for name in names {
            line.show(&format!("asking {name} for its devices …"));
            let engine = engines::find("--engines", name)?;
            match EngineChoice::of(engine, &args.settings, &args.passes, &machine, &workload) {
                Ok(engine) => found.push(engine),
                Err(failure) => missing.push(failure),
            }
        }
        drop(line);
        Failure::all(missing)?;
        Ok(Self {
            workload,
            engines: found,
            load: load_options(args.samples),
            max_steps: args.max_steps.map(Into::into),
            length: match (args.runs, args.budget) {
                (Some(runs), _) => Length::Rounds(runs.into()),
                (None, Some(budget)) => Length::Budget(budget),
                (None, None) => Length::default(),
            },
            telemetry: !args.no_telemetry,
            exports,
            tensorboard,
            live: args.live,
            quiet: args.quiet,
        })
    }
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
        let inputs = Inputs::of(
            args.workload.file(),
            args.samples.data_dir.as_deref(),
            args.checkpoints.checkpoint.as_deref(),
        );
        let (exports, save) = exports::open(args.exports, args.save, &formats, &inputs)?;
        let tensorboard = EventFolder::asked(args.tensorboard, &inputs)?;
        let workload = WorkloadChoice::of_training(&args.workload, &args.training)?;
        if let Some(goal) = args.until {
            check_goal(goal, &workload.workload)?;
        }
        // Before the devices: they may be tried out, which takes seconds.
        let checkpoints = CheckpointChoice::resolve(args.checkpoints, args.runs)?;
        let is_once = checkpoints.is_some() || args.max_steps.is_some() || args.profile;
        Ok(Self {
            engine: EngineChoice::resolve(args.engine, &args.passes, &workload)?,
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
/// The most that a record has, with the cold one: what compares records reads no more.
pub const MOST_RUNS: u64 = 9_999;
/// How long runs are repeated, where nothing says it: `run fashion-mnist` is to be done in half a minute.
const DEFAULT_BUDGET: Duration = Duration::from_secs(25);

impl CheckpointChoice {
    fn resolve(args: CheckpointArgs, runs: Option<NonZeroU64>) -> Result<Option<Self>, Failure> {
        let Some(folder) = args.checkpoint else {
            let alone = match (args.resume, args.checkpoint_every) {
                (true, _) => "--resume goes on with a training that was kept",
                (false, Some(_)) => "--checkpoint-every says when a training is kept",
                (false, None) => return Ok(None),
            };
            return Err(Failure::Usage(format!(
                "{alone}, but not where; add --checkpoint DIR"
            )));
        };
        if let Some(runs @ 2..) = runs.map(NonZeroU64::get) {
            return Err(Failure::Usage(format!(
                "--checkpoint keeps one training, and --runs {runs} does several; leave one of \
                 them out"
            )));
        }
        Ok(Some(Self {
            folder: Folder::open(folder, args.resume)?,
            every_steps: args.checkpoint_every.map(Into::into),
            resume: args.resume,
        }))
    }
}

impl WorkloadChoice {
    /// For steps of whatever training.
    pub fn resolve(args: &WorkloadArgs) -> Result<Self, Failure> {
        Self::of_training(args, &TrainingArgs::default())
    }

    /// For a whole training.
    pub fn of_training(args: &WorkloadArgs, training: &TrainingArgs) -> Result<Self, Failure> {
        let (spec, built_in) = spec(args)?;
        let workload = spec.resolve(&Overrides {
            batch_size: args.batch_size,
            epochs: training.epochs,
            seed: training.seed,
            precision: args.precision,
            width: None,
        })?;
        Ok(Self {
            workload: Arc::new(workload),
            built_in,
        })
    }
}

/// The spec that the command line names, read once, and whether it is a built-in one.
pub fn spec(args: &WorkloadArgs) -> Result<(Spec, bool), Failure> {
    if is_standard_stream(Path::new(&args.workload)) {
        let spec = Spec::from_reader(io::stdin().lock(), "standard input")?;
        return Ok((spec, false));
    }
    if let Some(path) = args.file() {
        return Ok((Spec::read(path)?, false));
    }
    let builtin = Builtin::find(&args.workload).map_err(|error| {
        let path = Path::new(&args.workload);
        let toml = path.with_extension("toml");
        Failure::Usage(if path.is_dir() {
            format!(
                "{}: this is a folder; give a workload's TOML file",
                Shown(path)
            )
        } else if path.is_file() {
            format!(
                "{}: the name of a workload's file must end in .toml",
                Shown(path)
            )
        } else if toml.is_file() {
            format!("{error}; there is a file {}", Shown(&toml))
        } else {
            format!("{error}; a file's name must end in .toml")
        })
    })?;
    Ok((builtin.spec(), true))
}

impl EngineChoice {
    /// Finds the engine and its device.
    pub fn resolve(
        args: EngineArgs,
        passes: &PassesArgs,
        workload: &WorkloadChoice,
    ) -> Result<Self, Failure> {
        let engine = match (args.as_published, args.engine.as_str()) {
            (false, name) => engines::find("--engine", name)?,
            (true, "tensorflow") => engines::find("--engine", "tensorflow-as-published")?,
            (true, name) => {
                return Err(Failure::Usage(format!(
                    "--engine {name} --as-published: only tensorflow has been published with; leave \
                     --as-published out, or give --engine tensorflow"
                )));
            }
        };
        Self::of(
            engine,
            &args.settings,
            passes,
            &Machine::identify(),
            workload,
        )
    }

    /// The engine of the arguments, found already, on a device of the machine.
    fn of(
        engine: &'static dyn Engine,
        settings: &EngineSettings,
        asked: &PassesArgs,
        machine: &Machine,
        workload: &WorkloadChoice,
    ) -> Result<Self, Failure> {
        let wish = Wish {
            device: settings.device,
            cpu: &machine.cpu,
            workload: &workload.workload,
            threads: threads(settings),
            passes: &passes(&asked.passes, settings.device)?,
        };
        let chosen = choose(engine, &wish)?;
        let there_are = engines::default_threads();
        let too_many = (wish.threads > there_are).then(|| {
            format!(
                "--threads {}: this process may use {}; threads that share one wait for each other",
                wish.threads,
                counted(there_are as u64, "processor")
            )
        });
        Ok(Self {
            engine,
            machine: machine.clone(),
            device: chosen.device,
            threads: threads(settings),
            passes: passes(&asked.passes, chosen.argument)?,
            why: chosen.why,
            warning: chosen.warning.or(too_many),
            trial: chosen.trial,
        })
    }
}

/// The threads that the command line states, or all that there are.
pub fn threads(settings: &EngineSettings) -> usize {
    settings
        .threads
        .map_or_else(engines::default_threads, Into::into)
}

/// Where samples may come from.
pub fn load_options(args: SampleArgs) -> LoadOptions {
    LoadOptions {
        policy: match args.data {
            DataArg::Auto => Policy::Auto,
            DataArg::Official => Policy::Official,
            DataArg::Synthetic => Policy::Synthetic,
        },
        data_dir: args.data_dir,
        ..LoadOptions::default()
    }
}
