//! `laptime run`: trains and tests a workload, and says what it took.

use std::{
    path::{Path, PathBuf},
    slice,
    sync::Arc,
    time::{Duration, Instant},
};

use laptime_engine::{Job, Session};
use laptime_measure::{
    Checkpoints, Measurement, Run, Watch, measure, memory,
    telemetry::{self, ROOT},
};
use laptime_peers::have_ended;
use laptime_results::{PartialReason, Record, divergence, render};
use laptime_workload::Shown;

use crate::{
    args::RunArgs,
    checkpoint::Keeper,
    display::{Line, Plan, show_run},
    exports,
    failure::Failure,
    finished::Finished,
    interrupt::Interrupt,
    observed::observed_run,
    options::RunOptions,
    output::{self, say, stderr_is_terminal},
    prepare, profile,
    recording::{Outcome, differing_losses, open_store, record},
    repeats::Repeated,
    save::save,
};

/// How long a framework may take to stop behind a step, so that what it did can be reported.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs, stores the record, writes the exports and prints the result.
pub fn run(args: RunArgs, begin: Instant, interrupt: &Interrupt) -> Result<(), Failure> {
    let watch = Arc::new(Watch::new());
    let finished = Arc::new(Finished::nothing());
    interrupt.stops(&watch, &finished, PATIENCE);
    let options = RunOptions::resolve(args)?;
    let shows_progress = !options.quiet && stderr_is_terminal();
    if let Some(text) = &options.engine.warning {
        output::warning(text);
    }
    if let Some(text) = options.engine.why.as_ref().filter(|_| !options.quiet) {
        say(text);
    }
    finished.goes_to(open_store());
    let (dataset, load_s) = prepare::load(
        options.workload.workload.dataset,
        &options.load,
        shows_progress,
    )?;
    let job = Job {
        workload: Arc::clone(&options.workload.workload),
        dataset: Arc::new(dataset),
        threads: options.engine.threads,
        passes: options.engine.passes.clone(),
        profile: options.profile,
    };
    let mut keeper = keeper(&options, &job, load_s)?;
    let gate = prepare::ask_gate(&options.engine, &job, options.quiet)?;
    // The oracle's memory is not the training's.
    memory::forget_peak();

    let record_of = |mut outcome: Outcome| {
        outcome.runs[0].phases.load_s += load_s;
        let (workload, engine) = (&options.workload, &options.engine);
        record(workload, engine, &job.dataset, Some(&gate), outcome)
    };
    wait_quiet(&options, &watch, shows_progress);
    let repeated = Repeated {
        options: &options,
        job: &job,
        load_s,
        watch: &watch,
        shows_progress,
    };
    let measured = train(&repeated, begin, keeper.as_mut(), &|outcome| {
        finished.keep(vec![record_of(outcome)])
    });
    let (outcome, mut session) = match measured {
        Ok(measured) => measured,
        // An engine in another process that did not stop, and was ended.
        Err(_) if have_ended() => finished.end(),
        Err(failure) => return Err(failure),
    };
    let record = record_of(outcome);
    // First of all, so that whatever fails below, the result is kept.
    let stored = finished.store(slice::from_ref(&record)).pop();
    report(&record, stored, options, session.as_mut(), keeper.as_ref())
}

/// Waits until others leave the machine alone, where that is wanted.
fn wait_quiet(options: &RunOptions, watch: &Watch, shows_progress: bool) {
    let Some(limit) = options.wait_quiet else {
        return;
    };
    let line = Line::new(shows_progress);
    let quiet = telemetry::wait_quiet(Path::new(ROOT), limit.as_secs_f64(), |waiting| {
        line.show(&format!(
            "waiting for a quiet machine: other processes take {:.0} % of the processor …",
            100.0 * waiting.foreign_share
        ));
        !watch.progress.is_stopped()
    });
    drop(line);
    if !quiet.became_quiet && quiet.waited_s < limit.as_secs_f64() {
        output::warning(
            "--wait-quiet: this system does not tell what other processes do; not waiting",
        );
    } else if !quiet.became_quiet {
        output::warning(&format!(
            "--wait-quiet: the machine was not quiet within {} s; running all the same",
            limit.as_secs()
        ));
    }
}

/// What keeps the training, if anything is to.
fn keeper(options: &RunOptions, job: &Job, load_s: f64) -> Result<Option<Keeper>, Failure> {
    let Some(choice) = &options.checkpoints else {
        return Ok(None);
    };
    let keeper = Keeper::open(choice, job, &options.engine, options.max_steps, load_s)?;
    if !options.quiet && choice.resume {
        let path = Shown(keeper.kept().0);
        // Begins where there is none: the command that starts a training can then be the one that
        // a scheduler repeats whenever the machine was taken away.
        say(&match keeper.start_step() {
            Some(step) => format!("going on from step {step}, kept in {path}"),
            None => format!("there is no {path} yet: beginning anew"),
        });
    }
    Ok(Some(keeper))
}

/// The first run, in this process, so that its session can be saved and asked; then, where that is
/// wanted, more of them, each in a process of its own. All start from the same seed, so that only the
/// times can differ. `keep` gets what would be left if the program had to end behind a run that is not
/// the last.
fn train(
    repeated: &Repeated,
    begin: Instant,
    mut keeper: Option<&mut Keeper>,
    keep: &dyn Fn(Outcome),
) -> Result<(Outcome, Box<dyn Session>), Failure> {
    let Repeated {
        options,
        job,
        watch,
        shows_progress,
        ..
    } = *repeated;
    let display = show_run(
        shows_progress,
        Arc::clone(watch),
        Plan::of(job, options.max_steps, 1, 1),
    );
    let engine = &options.engine;
    let measured = observed_run(options.telemetry, || {
        measure(
            engine.engine,
            job,
            &engine.device,
            options.max_steps,
            begin,
            watch,
            keeper
                .as_mut()
                .map(|keeper| &mut **keeper as &mut dyn Checkpoints),
        )
    });
    drop(display);
    let Measurement {
        run: first,
        session,
        is_complete,
    } = measured?;
    let outcome = |runs, partial, warnings| Outcome {
        device: session.device().clone(),
        details: session.details(),
        costs: session.step_costs(),
        runs,
        partial,
        warnings,
        error: None,
    };
    let with_first = |runs: &[Run]| {
        let mut first = first.clone();
        first.cold = !runs.is_empty();
        [slice::from_ref(&first), runs].concat()
    };
    let own_warnings = || engine.warning.iter().cloned().collect();
    let (mut all_made, mut error) = (true, None);
    let mut runs = with_first(&[]);
    if !watch.progress.is_stopped() {
        keep(outcome(
            runs.clone(),
            Some(PartialReason::Interrupted),
            own_warnings(),
        ));
        let done = repeated.runs(&first, |runs| {
            keep(outcome(
                with_first(runs),
                Some(PartialReason::Interrupted),
                own_warnings(),
            ));
        });
        (runs, all_made, error) = (with_first(&done.runs), done.is_complete, done.error);
    }
    let is_stopped = watch.progress.is_stopped();
    let partial = match (is_complete && all_made, is_stopped) {
        (true, _) => None,
        (false, true) => Some(PartialReason::Interrupted),
        (false, false) if error.is_some() => Some(PartialReason::Failed),
        (false, false) => Some(PartialReason::MaxSteps),
    };
    let warning = differing_losses(engine.engine, &runs);
    if let Some(text) = &warning {
        output::warning(text);
    }
    let kept = keeper.map(|keeper| keeper.warnings());
    let warnings = [warning, engine.warning.clone()].into_iter().flatten();
    let warnings = warnings.chain(kept.unwrap_or_default()).collect();
    let outcome = Outcome {
        error: error.map(|failure| failure.to_string()),
        ..outcome(runs, partial, warnings)
    };
    Ok((outcome, session))
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
        done.push(output::print(&profile::render(&profile)));
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
                "kept at step {step} in {path}; --resume goes on from there"
            ));
        }
        done.push(keeper.outcome());
    }
    done.extend(exports::write(options.exports, slice::from_ref(record)));
    if let Some(file) = options.save {
        done.push(save(session, &options.workload.workload, file));
    }
    done.push(verdict_on(record));
    exports::first_failure(done)
}

/// What the exit code is to say of the run itself.
fn verdict_on(record: &Record) -> Result<(), Failure> {
    if record.partial_reason == Some(PartialReason::Interrupted) {
        let last = record.runs.last();
        if last.is_some_and(|run| run.test.is_some()) {
            let runs = record.runs.len();
            return Err(Failure::Interrupted(format!(
                "interrupted behind {runs} whole {}",
                if runs == 1 { "run" } else { "runs" }
            )));
        }
        let epochs = last.map_or(0, |run| run.epochs.len());
        let samples = last.map_or(0, Run::trained_samples);
        return Err(Failure::Interrupted(format!(
            "interrupted in run {}, epoch {} of {}, after {samples} training samples",
            record.runs.len(),
            epochs.max(1),
            record.workload.epochs
        )));
    }
    if let Some(error) = &record.error {
        return Err(Failure::Failed(format!(
            "{error}; the {} before it are kept",
            match record.runs.len() {
                1 => "run".to_owned(),
                runs => format!("{runs} runs"),
            }
        )));
    }
    if record.gate.verdict == laptime_results::GateVerdict::Failed {
        return Err(Failure::Failed(format!(
            "the engine {} does not do the same training as the oracle; `laptime verify` checks \
             again",
            record.engine.name
        )));
    }
    if let Some(place) = divergence(record) {
        let what = format!("the training diverged {place}: its loss is not finite");
        return Err(Failure::diverged(&what));
    }
    Ok(())
}
