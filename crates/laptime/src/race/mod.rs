//! Engines against each other: in every round each starts, compiles, trains and tests once, in an
//! order of its own, so that whatever else the machine does falls on all of them alike.

mod affinity;
mod length;
mod options;
mod table;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use laptime_engine::Job;
use laptime_measure::{Watch, measure, memory};
use laptime_results::{PartialReason, RaceFacts, Record, new_id};

use crate::{
    engine_choice::EngineChoice,
    finished::Finished,
    live::{Live, told::of_race},
    observed::observed_run,
    output, prepare,
    recording::{GateReport, Outcome, differing_losses, record},
    repeats::{Again, is_own},
    round_order::round_order,
};

pub use options::RaceOptions;
use table::{Table, lanes};

/// One engine in the race, and what it has done so far.
pub struct Racer<'a> {
    engine: &'a EngineChoice,
    gate: Option<GateReport>,
    outcome: Outcome,
}

/// What is the same for all engines and all rounds.
struct Race<'a> {
    options: &'a RaceOptions,
    job: Job,
    load_s: f64,
    /// The same in all its records.
    id: String,
    seen: &'a Seen<'a>,
}

/// Who looks on while engines race.
pub struct Seen<'a> {
    /// How far the engine is whose turn it is, and the wish to stop.
    pub watch: &'a Arc<Watch>,
    /// What the race has come to so far.
    pub finished: &'a Finished,
    /// Whether the terminal shows it.
    pub shows_progress: bool,
}

/// Lets the engines race and gives a record each, in the order of the command line.
pub fn race(options: &RaceOptions, job: Job, load_s: f64, seen: &Seen) -> Vec<Record> {
    // What `--threads` says; without it all, also where laptime chose fewer for itself.
    let threads = options.engines.iter().map(|engine| engine.threads);
    if let Some(most) = threads.max() {
        affinity::limit(most);
    }
    let race = Race {
        options,
        job,
        load_s,
        id: new_id().0,
        seen,
    };
    let mut racers: Vec<Racer> = options.engines.iter().map(Racer::new).collect();
    for racer in &mut racers {
        racer.pass_gate(&race);
    }
    // The gate may have run in this process, and the oracle's memory is not the training's.
    memory::forget_peak();
    race.run(&mut racers);
    for racer in &mut racers {
        racer.tell_differing_losses();
    }
    race.records(&racers)
}

impl Race<'_> {
    fn run(&self, racers: &mut [Racer]) {
        let begin = Instant::now();
        let mut longest = Duration::ZERO;
        let mut round = 0;
        let length = self.options.length;
        let picture = self.options.live.then(|| {
            let (workload, max_steps) = (&self.options.workload, self.options.max_steps);
            let lanes = lanes(self, racers, 0, &[]);
            Live::start(
                self.seen.watch,
                of_race(workload, &self.job, max_steps, lanes),
            )
        });
        while length.has_room(round, begin.elapsed(), longest)
            && !self.is_stopped()
            && racers.iter().any(Racer::is_in)
        {
            let start = Instant::now();
            let mut done = Vec::new();
            for index in round_order(racers.len(), self.job.workload.seed, round) {
                if racers[index].is_in() && !self.is_stopped() {
                    let table = match &picture {
                        Some(picture) => {
                            let lanes = lanes(self, racers, index, &done);
                            picture.tell(|told| told.lanes = lanes);
                            None
                        }
                        None => Some(Table::show(self, racers, index, round)),
                    };
                    racers[index].run(self);
                    drop(table);
                    done.push(index);
                    self.keep_finished(racers);
                }
            }
            longest = longest.max(start.elapsed());
            round += 1;
        }
    }

    fn is_stopped(&self) -> bool {
        self.seen.watch.progress.is_stopped()
    }

    /// What the race has come to, had it to end now.
    fn keep_finished(&self, racers: &[Racer]) {
        let mut records = self.records(racers);
        for record in records.iter_mut().filter(|record| record.error.is_none()) {
            record.partial = true;
            record.partial_reason = Some(PartialReason::Interrupted);
        }
        self.seen.finished.keep(records);
    }

    fn records(&self, racers: &[Racer]) -> Vec<Record> {
        let rounds = racers.iter().map(|racer| racer.outcome.runs.len()).max();
        let facts = RaceFacts {
            id: self.id.clone(),
            rounds: rounds.unwrap_or(0) as u64,
        };
        let record = |racer: &Racer| Record {
            race: Some(facts.clone()),
            ..racer.record(self)
        };
        racers.iter().map(record).collect()
    }
}

impl<'a> Racer<'a> {
    fn new(engine: &'a EngineChoice) -> Self {
        Self {
            engine,
            gate: None,
            outcome: Outcome {
                runs: Vec::new(),
                device: engine.device.clone(),
                details: Default::default(),
                analysis: None,
                costs: Default::default(),
                partial: None,
                warnings: engine.warning.iter().cloned().collect(),
                error: None,
            },
        }
    }

    fn is_in(&self) -> bool {
        self.outcome.error.is_none()
    }

    /// An engine that fails is out; the others go on.
    fn fail(&mut self, what: String) {
        output::warning(&format!("{}: {what}", self.engine.engine.name()));
        self.outcome.error = Some(what);
        self.outcome.partial = Some(PartialReason::Failed);
    }

    fn pass_gate(&mut self, race: &Race) {
        if !self.is_in() {
            return;
        }
        let job = self.job(race);
        match prepare::ask_gate(self.engine, &job, race.options.quiet) {
            Ok(gate) => self.gate = Some(gate),
            Err(error) => self.fail(error.to_string()),
        }
    }

    /// One run, from starting the engine to its test.
    fn run(&mut self, race: &Race) {
        let engine = self.engine;
        let job = self.job(race);
        let is_first = self.outcome.runs.is_empty();
        let options = race.options;
        if is_own(engine) && !is_first {
            let again = Again {
                engine,
                job: &job,
                ends: options.ends(),
                load: &options.load,
                telemetry: options.telemetry,
            };
            return match again.run(race.seen.watch) {
                Ok(run) => self.outcome.runs.push(run),
                Err(_) if race.is_stopped() => {}
                Err(error) => self.fail(error.to_string()),
            };
        }
        let measured = observed_run(options.telemetry, || {
            measure(
                engine.engine,
                &job,
                &engine.device,
                options.ends(),
                Instant::now(),
                race.seen.watch,
                None,
            )
        });
        let mut measured = match measured {
            Ok(measured) => measured,
            // A framework that dies of the same Ctrl-C has not failed.
            Err(_) if race.is_stopped() => return,
            Err(error) => return self.fail(error.to_string()),
        };
        measured.run.cold = is_first && options.length.has_cold_round();
        if race.is_stopped() && !measured.is_complete {
            return;
        }
        if !measured.is_complete {
            self.outcome.partial = Some(PartialReason::MaxSteps);
        }
        self.outcome.device = measured.session.device().clone();
        self.outcome.details = measured.session.details();
        self.outcome.costs = measured.session.step_costs();
        self.outcome.runs.push(measured.run);
    }

    fn job(&self, race: &Race) -> Job {
        Job {
            threads: self.engine.threads,
            passes: self.engine.passes.clone(),
            ..race.job.clone()
        }
    }

    /// The same seed must have given the same losses.
    fn tell_differing_losses(&mut self) {
        let engine = self.engine;
        let differing = differing_losses(engine.engine, &self.outcome.runs);
        self.outcome.warnings.extend(differing);
        for warning in &self.outcome.warnings {
            output::warning(&format!("{}: {warning}", engine.engine.name()));
        }
    }

    fn record(&self, race: &Race) -> Record {
        let mut outcome = self.outcome.clone();
        if race.is_stopped() && self.is_in() {
            outcome.partial = Some(PartialReason::Interrupted);
        }
        if let Some(first) = outcome.runs.first_mut() {
            first.phases.load_s = race.load_s;
        }
        record(
            &race.options.workload,
            self.engine,
            &race.job.dataset,
            self.gate.as_ref(),
            outcome,
        )
    }
}
