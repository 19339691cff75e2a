//! `laptime run`: trains and tests a workload, and says what it took.

use std::{
    path::PathBuf,
    slice,
    sync::Arc,
    time::{Duration, Instant},
};

use laptime_engine::Session;
use laptime_measure::Watch;
use laptime_results::{Record, render};
use laptime_workload::Shown;

use crate::{
    analysis::peaks::peaks,
    args::RunArgs,
    checkpoint::Keeper,
    exports,
    failure::Failure,
    finished::Finished,
    interrupt::Interrupt,
    matrix_units::would_be_used,
    output::{self, say},
    profile,
    recording::open_store,
    run_options::RunOptions,
    save::{save, save_initial},
    training::{LooksOn, Trained, trained},
    verdict_on::verdict_on,
};

/// How long a framework may take to stop behind a step, so that what it did can be reported.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs, stores the record, writes the exports and prints the result.
pub fn run(args: RunArgs, begin: Instant, interrupt: &Interrupt) -> Result<(), Failure> {
    let watch = Arc::new(Watch::new());
    let finished = Arc::new(Finished::nothing());
    interrupt.stops(&watch, &finished, PATIENCE);
    let mut options = RunOptions::resolve(args)?;
    if let Some(text) = &options.engine.warning {
        output::warning(text);
    }
    for text in options.engine.why.iter().filter(|_| !options.quiet) {
        say(text);
    }
    if let Some(file) = options.initial.take() {
        save_initial(&options.workload.workload, file)?;
    }
    finished.goes_to(open_store());
    let looks_on = LooksOn {
        watch: &watch,
        finished: &finished,
        begin,
    };
    let Trained {
        record,
        mut session,
        keeper,
    } = trained(&mut options, &looks_on, &[])?;
    // First of all, so that whatever fails below, the result is kept.
    let stored = finished.store(slice::from_ref(&record)).pop();
    report(&record, stored, options, session.as_mut(), keeper.as_ref())
}

/// Hands the result out in every way that was asked for. One that fails does not keep the others
/// from succeeding; the first failure is the program's.
fn report(
    record: &Record,
    stored: Option<Result<PathBuf, String>>,
    options: RunOptions,
    session: &mut dyn Session,
    keeper: Option<&Keeper>,
) -> Result<(), Failure> {
    let mut done = vec![exports::show(&options.exports, |style| {
        render(record, style)
    })];
    if let Some(profile) = session.profile() {
        let engine = &options.engine;
        let workload = &options.workload.workload;
        let (device, precision) = (&engine.device, workload.precision);
        let peaks = match would_be_used(workload, &engine.passes, device) {
            // What matrix units reach at best is not measured.
            true => None,
            false => peaks(engine.engine, device, engine.threads, precision)?,
        };
        done.push(output::print(&profile::render(
            &profile,
            peaks.as_ref(),
            output::room(),
        )));
    } else if options.profile {
        output::warning("--profile: this engine cannot tell where its time goes");
    }
    match stored {
        Some(Ok(path)) if !options.quiet => say(&format!("stored as {}", Shown(&path))),
        // Why there is no store has been told.
        Some(Ok(_)) | None => {}
        // A home that cannot be written costs the record, not the result.
        Some(Err(text)) => output::warning(&text),
    }
    if let Some(keeper) = keeper {
        if let (path, Some(step)) = keeper.kept()
            && !options.quiet
        {
            let path = Shown(path);
            say(&format!(
                "checkpoint saved at step {step} in {path}; --resume continues from it"
            ));
        }
        done.push(keeper.outcome());
    }
    done.extend(exports::write(options.exports, slice::from_ref(record)));
    let folder = options.tensorboard;
    done.extend(folder.map(|folder| folder.write(slice::from_ref(record))));
    if let Some(file) = options.save {
        done.push(save(session, &options.workload.workload, file));
    }
    done.push(verdict_on(record));
    exports::first_failure(done)
}
