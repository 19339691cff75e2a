//! `laptime suite`: both workloads of the suite within a given time, in one table.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use laptime_measure::Watch;
use laptime_results::{export, render_suite};
use laptime_workload::Shown;

use crate::{
    args::{
        CheckpointArgs, ExportArgs, RunArgs, SuiteArgs, TrainingArgs, WeightsArgs, WorkloadArgs,
    },
    exports::{self, Formats, Inputs},
    failure::Failure,
    finished::Finished,
    interrupt::Interrupt,
    output::{self, say},
    recording::open_store,
    run_options::RunOptions,
    suite,
    training::LooksOn,
    verdict_on::verdict_on,
};

/// How long a framework may take to stop behind a step.
const PATIENCE: Duration = Duration::from_secs(10);

/// Trains all, stores the records, writes the exports and prints the table.
pub fn suite(args: SuiteArgs, begin: Instant, interrupt: &Interrupt) -> Result<(), Failure> {
    let watch = Arc::new(Watch::new());
    let finished = Arc::new(Finished::nothing());
    interrupt.stops(&watch, &finished, PATIENCE);
    let SuiteArgs {
        budget,
        wait_quiet,
        engine,
        samples,
        passes,
        no_telemetry,
        no_analysis,
        exports,
        quiet,
    } = args;
    let formats = Formats {
        json: export::json_array,
        csv: export::csv,
        markdown: export::markdown,
    };
    let inputs = Inputs::of(None, samples.data_dir.as_deref(), None);
    let (exports, _) = exports::open(exports, [], &formats, &inputs)?;
    finished.goes_to(open_store());
    let looks_on = LooksOn {
        watch: &watch,
        finished: &finished,
        begin,
    };
    let options_of = |name: &str| {
        if !quiet {
            say(&format!("suite: {name}"));
        }
        RunOptions::resolve(RunArgs {
            workload: WorkloadArgs {
                workload: name.into(),
                batch_size: None,
                precision: None,
            },
            training: TrainingArgs {
                epochs: None,
                seed: None,
            },
            weights: WeightsArgs::default(),
            engine: engine.clone(),
            passes: passes.clone(),
            samples: samples.clone(),
            max_steps: None,
            no_test: false,
            runs: None,
            budget: None,
            sustain: None,
            until: None,
            wait_quiet: Some(wait_quiet),
            no_telemetry,
            no_analysis,
            exports: ExportArgs::default(),
            tensorboard: None,
            save: None,
            initial: None,
            checkpoints: CheckpointArgs::default(),
            profile: false,
            live: false,
            quiet,
        })
    };
    let records = suite::run(budget.0, &looks_on, options_of)?;
    let stored = finished.store(&records);
    let mut done = vec![exports::show(&exports, |style| {
        render_suite(&records, style)
    })];
    for stored in stored {
        match stored {
            Ok(path) if !quiet => say(&format!("stored as {}", Shown(&path))),
            Ok(_) => {}
            Err(text) => output::warning(&text),
        }
    }
    done.extend(exports::write(exports, &records));
    done.extend(records.iter().map(verdict_on));
    exports::first_failure(done)
}
