//! One training from its samples to its record: loaded, verified, run as often as was asked, and analysed.

use std::{path::Path, slice, sync::Arc, time::Instant};

use laptime_engine::{DeviceKind, Job, Session};
use laptime_measure::{
    Checkpoints, Measurement, Run, Watch, measure, memory,
    telemetry::{self, ROOT},
};
use laptime_peers::have_ended;
use laptime_results::{PartialReason, Record};
use laptime_workload::Shown;

use crate::{
    analysis::analysis,
    checkpoint::{Keeper, with_way_on},
    display::{Line, Plan, show_run},
    failure::Failure,
    finished::Finished,
    fit::{Fit, fit},
    live::{Live, told::of_run},
    observed::observed_run,
    output::{self, say, stderr_is_terminal},
    prepare,
    preview::Preview,
    recording::{Outcome, differing_losses, record},
    repeat_plan::Repeats,
    repeats::Repeated,
    run_options::RunOptions,
};

/// Who looks on while it is trained.
pub struct LooksOn<'a> {
    /// How far it is, and the wish to stop.
    pub watch: &'a Arc<Watch>,
    /// What is finished, should the program have to end.
    pub finished: &'a Finished,
    /// Where the first run's `wall_s` begins.
    pub begin: Instant,
}

/// What a training leaves.
pub struct Trained {
    /// What was measured.
    pub record: Record,
    /// The session of the first run, with the trained parameters.
    pub session: Box<dyn Session>,
    /// What kept the training, if anything did.
    pub keeper: Option<Keeper>,
}

/// Trains as the options say. `earlier` are records of the same command that are finished.
///
/// # Errors
/// Where the samples cannot be had, or the engine cannot train.
pub fn trained(
    options: &mut RunOptions,
    looks_on: &LooksOn,
    earlier: &[Record],
) -> Result<Trained, Failure> {
    let LooksOn {
        watch,
        finished,
        begin,
    } = *looks_on;
    let shows_progress = !options.quiet && stderr_is_terminal();
    let (dataset, load_s) = prepare::load(
        &options.workload.workload.dataset,
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
    let mut keeper = keeper(&*options, &job, load_s)?;
    let gate = match prepare::ask_gate(&options.engine, &job, options.quiet) {
        // The user wishes to stop, and the gate's process was ended.
        Err(_) if have_ended() => finished.end(),
        asked => asked?,
    };
    if let Some(share) = options.share {
        let Fit { ends, repeats } = fit(&options.engine, &job, share)?;
        (options.ends, options.repeats) = (ends, repeats);
    }
    let options = &*options;
    // The oracle's memory is not the training's.
    memory::forget_peak();

    let record_of = |mut outcome: Outcome| {
        outcome.runs[0].phases.load_s += load_s;
        let (workload, engine) = (&options.workload, &options.engine);
        let mut record = record(workload, engine, &job.dataset, Some(&gate), outcome);
        if let Repeats::Sustain(time) = options.repeats {
            record.sustain_s = Some(time.as_secs_f64());
        }
        record
    };
    wait_quiet(options, watch, shows_progress);
    let live = options.live.then(|| {
        let max_steps = options.ends.max_steps;
        Live::start(
            watch,
            of_run(&options.workload, &options.engine, &job, max_steps),
        )
    });
    let repeated = Repeated {
        options,
        job: &job,
        load_s,
        watch,
        shows_progress: shows_progress && live.is_none(),
        live: live.as_ref(),
    };
    let hears = Hears {
        keep: &|outcome| finished.keep([earlier, &[record_of(outcome)]].concat()),
        preview: &|outcome| {
            // A suite has a table of its own.
            let is_shown = repeated.shows_progress && options.share.is_none();
            is_shown
                .then(|| Preview::show(&record_of(outcome)))
                .flatten()
        },
    };
    let measured = train(&repeated, begin, keeper.as_mut(), &hears);
    drop(live);
    let (mut outcome, session) = match measured {
        Ok(measured) => measured,
        // An engine in another process that did not stop, and was ended.
        Err(_) if have_ended() => finished.end(),
        Err(failure) => return Err(failure),
    };
    if options.analysis && outcome.error.is_none() && !watch.progress.is_stopped() {
        outcome.analysis = analysis(&options.engine, &job, shows_progress);
    }
    Ok(Trained {
        record: record_of(outcome),
        session,
        keeper,
    })
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
            "--wait-quiet: the machine was not quiet within {} s; running anyway",
            limit.as_secs()
        ));
    }
}

/// What keeps the training, if anything is to.
fn keeper(options: &RunOptions, job: &Job, load_s: f64) -> Result<Option<Keeper>, Failure> {
    let Some(choice) = &options.checkpoints else {
        return Ok(None);
    };
    let keeper = Keeper::open(choice, job, &options.engine, options.ends.max_steps, load_s)?;
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

/// Who hears of runs while others are still to come.
struct Hears<'a> {
    /// Gets what would be left if the program had to end after a run that is not the last.
    keep: &'a dyn Fn(Outcome),
    /// Shows what the first run came to, where it is repeated.
    preview: &'a dyn Fn(Outcome) -> Option<Preview>,
}

/// The first run, in this process, so that its session can be saved and asked; then, where that is
/// wanted, more of them, each in a process of its own. All start from the same seed, so that only the
/// times can differ.
fn train(
    repeated: &Repeated,
    begin: Instant,
    mut keeper: Option<&mut Keeper>,
    hears: &Hears,
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
        Plan::of(job, options.ends.max_steps, 1, 1),
    );
    let engine = &options.engine;
    let measured = observed_run(options.telemetry, || {
        measure(
            engine.engine,
            job,
            &engine.device,
            options.ends,
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
    } = measured.map_err(|error| {
        let is_gpu = engine.device.kind == DeviceKind::Gpu;
        with_way_on(error.into(), keeper.as_deref(), is_gpu)
    })?;
    let outcome = |runs, partial, warnings| Outcome {
        device: session.device().clone(),
        details: session.details(),
        costs: session.step_costs(),
        runs,
        analysis: None,
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
        (hears.keep)(outcome(
            runs.clone(),
            Some(PartialReason::Interrupted),
            own_warnings(),
        ));
        let shown = repeated
            .is_repeated(&first)
            .then(|| (hears.preview)(outcome(runs.clone(), None, own_warnings())))
            .flatten();
        let done = repeated.runs(&first, |runs| {
            (hears.keep)(outcome(
                with_first(runs),
                Some(PartialReason::Interrupted),
                own_warnings(),
            ));
        });
        drop(shown);
        (runs, all_made, error) = (with_first(&done.runs), done.is_complete, done.error);
    }
    let is_stopped = watch.progress.is_stopped();
    let partial = match (is_complete && all_made, is_stopped) {
        (true, _) => None,
        (false, true) => Some(PartialReason::Interrupted),
        (false, false) if error.is_some() => Some(PartialReason::Failed),
        (false, false) if options.ends.goal.is_some() && options.ends.max_steps.is_none() => {
            Some(PartialReason::Goal)
        }
        (false, false) if options.ends.no_test && options.ends.max_steps.is_none() => {
            Some(PartialReason::NoTest)
        }
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
