//! `laptime race`: engines train the same against each other, and the table says who is how fast.

use std::{sync::Arc, time::Duration};

use laptime_engine::Job;
use laptime_measure::Watch;
use laptime_peers::install;
use laptime_results::{GateVerdict, PartialReason, Record, divergence, race as render};
use laptime_workload::Shown;

use crate::{
    args::RaceArgs,
    exports,
    failure::Failure,
    finished::Finished,
    interrupt::Interrupt,
    output::{self, say, stderr_is_terminal},
    prepare,
    race::{RaceOptions, Seen, race as run_race},
    recording::open_store,
};

/// How long a framework may take to stop: what it has not finished counts for nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Races, stores a record for each engine, writes the exports and prints the table.
pub fn race(args: RaceArgs, interrupt: &Interrupt) -> Result<(), Failure> {
    let watch = Arc::new(Watch::new());
    let finished = Arc::new(Finished::nothing());
    interrupt.stops(&watch, &finished, PATIENCE);
    install::sweep_all();
    let options = RaceOptions::resolve(args)?;
    let shows_progress = !options.quiet && stderr_is_terminal();
    finished.goes_to(open_store());
    let workload = &options.workload.workload;
    let (dataset, load_s) = prepare::load(&workload.dataset, &options.load, shows_progress)?;
    let job = Job {
        workload: Arc::clone(workload),
        dataset: Arc::new(dataset),
        threads: 0,
        passes: Default::default(),
        profile: false,
    };
    let seen = Seen {
        watch: &watch,
        finished: &finished,
        shows_progress,
    };
    let records = run_race(&options, job, load_s, &seen);
    report(&records, options, &finished)
}

/// Hands the results out in every way that was asked for, as `laptime run` does.
fn report(records: &[Record], options: RaceOptions, finished: &Finished) -> Result<(), Failure> {
    let stored = finished.store(records);
    let mut done = vec![exports::show(&options.exports, |style| {
        render(records, style)
    })];
    let kept = stored
        .iter()
        .flatten()
        .next()
        .and_then(|path| path.parent());
    if let Some(folder) = kept
        && !options.quiet
    {
        say(&format!("records stored in {}", Shown(folder)));
    }
    if let Some(text) = stored.iter().find_map(|stored| stored.as_ref().err()) {
        output::warning(text);
    }
    done.extend(exports::write(options.exports, records));
    done.extend(options.tensorboard.map(|folder| folder.write(records)));
    done.push(verdict_on(records));
    exports::first_failure(done)
}

/// What the exit code is to say of the race itself.
fn verdict_on(records: &[Record]) -> Result<(), Failure> {
    let names = |is_meant: fn(&Record) -> bool| -> Option<String> {
        let names: Vec<&str> = records
            .iter()
            .filter(|record| is_meant(record))
            .map(|record| record.engine.name.as_str())
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if names(|record| record.partial_reason == Some(PartialReason::Interrupted)).is_some() {
        return Err(Failure::Interrupted("the race was interrupted".into()));
    }
    if let Some(names) = names(|record| record.error.is_some()) {
        return Err(Failure::Failed(format!("out of the race: {names}")));
    }
    if let Some(names) = names(|record| record.gate.verdict == GateVerdict::Failed) {
        return Err(Failure::Failed(format!(
            "not the same training as the oracle's: {names}"
        )));
    }
    if let Some(names) = names(|record| divergence(record).is_some()) {
        let what = format!("diverged, with a loss that is not finite: {names}");
        return Err(Failure::diverged(&what));
    }
    Ok(())
}
