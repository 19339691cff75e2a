//! The command line of `laptime race` resolved.

use laptime_measure::{Ends, Machine};
use laptime_results::export;
use laptime_workload::dataset::LoadOptions;

use super::length::Length;
use crate::{
    args::RaceArgs,
    display::Line,
    engine_choice::{EngineChoice, UnstatedThreads},
    engines,
    exports::{self, EventFolder, Export, Formats, Inputs},
    failure::Failure,
    given_weights::check_engine,
    load_options::load_options,
    output::stderr_is_terminal,
    workload_choice::WorkloadChoice,
};

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
            let engine = engines::find("--engines", name)?;
            if args.weights.init.is_some() {
                check_engine("--init", engine)?;
            }
            let is_same = |other: &&str| match engines::find("--engines", other) {
                Ok(other) => other.name() == engine.name(),
                Err(_) => false,
            };
            if names[..index].iter().any(is_same) {
                let name = engine.name();
                return Err(Failure::Usage(format!(
                    "--engines: {name} is named twice; name every engine once"
                )));
            }
        }
        let mut inputs = Inputs::of(args.workload.file(), args.samples.data_dir.as_deref(), None);
        if let Some(path) = &args.weights.init {
            inputs.add("the file of --init", path.clone());
        }
        let (exports, _) = exports::open(args.exports, [], &formats, &inputs)?;
        let tensorboard = EventFolder::asked(args.tensorboard, &inputs)?;
        let workload = WorkloadChoice::of_training(&args.workload, &args.training)?
            .starting_from(args.weights.init.as_deref())?;
        let machine = Machine::identify();
        // A framework needs seconds to be imported.
        let line = Line::new(!args.quiet && stderr_is_terminal());
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for name in names {
            line.show(&format!("asking {name} for its devices …"));
            let engine = engines::find("--engines", name)?;
            match EngineChoice::of(
                engine,
                &args.settings,
                &args.passes,
                &machine,
                &workload,
                UnstatedThreads::Fastest,
            ) {
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
