//! Engines against each other: in every round each starts, compiles, trains and tests once, in an
//! order drawn anew, so that whatever else the machine does falls on all of them alike.

mod affinity;
mod length;
mod live;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use laptime_engine::Job;
use laptime_measure::{Watch, measure, memory};
use laptime_results::{PartialReason, Record};
use laptime_workload::random::{Purpose, Stream};

use crate::{
    options::{Entrant, RaceOptions},
    output, prepare,
    recording::{GateReport, Outcome, differing_losses, record},
};

pub use length::{Budget, Length};
use live::Live;

/// One engine in the race, and what it has done so far.
pub struct Racer<'a> {
    entrant: &'a Entrant,
    gate: Option<GateReport>,
    outcome: Outcome,
}

/// What is the same for all engines and all rounds.
struct Race<'a> {
    options: &'a RaceOptions,
    job: Job,
    watch: &'a Arc<Watch>,
    shows_progress: bool,
}

/// Lets the engines race and gives a record each, in the order of the command line.
pub fn race(
    options: &RaceOptions,
    job: Job,
    load_s: f64,
    watch: &Arc<Watch>,
    shows_progress: bool,
) -> Vec<Record> {
    if let Some(entrant) = options.entrants.first() {
        // What `--threads` says, which is the same for all.
        affinity::limit(entrant.engine.threads);
    }
    let race = Race {
        options,
        job,
        watch,
        shows_progress,
    };
    let mut racers: Vec<Racer> = options.entrants.iter().map(Racer::new).collect();
    for racer in &mut racers {
        racer.pass_gate(&race);
    }
    // The gate may have run in this process, and the oracle's memory is not the training's.
    memory::forget_peak();
    race.run(&mut racers);
    let is_interrupted = watch.progress.is_stopped();
    racers
        .into_iter()
        .map(|racer| racer.into_record(&race, load_s, is_interrupted))
        .collect()
}

impl Race<'_> {
    fn run(&self, racers: &mut [Racer]) {
        let begin = Instant::now();
        let mut longest = Duration::ZERO;
        let mut round = 0;
        let length = self.options.length;
        while length.has_room(round, begin.elapsed(), longest)
            && !self.watch.progress.is_stopped()
            && racers.iter().any(Racer::is_in)
        {
            let start = Instant::now();
            for index in round_order(racers.len(), self.job.workload.seed, round) {
                if racers[index].is_in() && !self.watch.progress.is_stopped() {
                    let live = Live::show(self, racers, index, round);
                    racers[index].run(self);
                    drop(live);
                }
            }
            longest = longest.max(start.elapsed());
            round += 1;
        }
    }
}

/// The order of a round, from the seed, so that a race can be repeated to the letter.
fn round_order(racers: usize, seed: u64, round: u32) -> Vec<usize> {
    let mut stream = Stream::new(seed, Purpose::Race, round);
    let mut order: Vec<usize> = (0..racers).collect();
    for last in (1..racers).rev() {
        order.swap(last, stream.next_below(last as u32 + 1) as usize);
    }
    order
}

impl<'a> Racer<'a> {
    fn new(entrant: &'a Entrant) -> Self {
        Self {
            entrant,
            gate: None,
            outcome: Outcome {
                runs: Vec::new(),
                device: entrant.engine.device.clone(),
                details: Default::default(),
                costs: Default::default(),
                partial: entrant.error.is_some().then_some(PartialReason::Failed),
                warnings: entrant.engine.warning.iter().cloned().collect(),
                error: entrant.error.clone(),
            },
        }
    }

    fn is_in(&self) -> bool {
        self.outcome.error.is_none()
    }

    /// An engine that fails is out; the others go on.
    fn fail(&mut self, what: String) {
        output::warning(&format!("{}: {what}", self.entrant.engine.engine.name()));
        self.outcome.error = Some(what);
        self.outcome.partial = Some(PartialReason::Failed);
    }

    fn pass_gate(&mut self, race: &Race) {
        if !self.is_in() {
            return;
        }
        let job = self.job(race);
        match prepare::ask_gate(&self.entrant.engine, &job, race.options.quiet) {
            Ok(gate) => self.gate = Some(gate),
            Err(error) => self.fail(error.to_string()),
        }
    }

    /// One run, from starting the engine to its test.
    fn run(&mut self, race: &Race) {
        let engine = &self.entrant.engine;
        let measured = measure(
            engine.engine,
            &self.job(race),
            &engine.device,
            race.options.max_steps,
            Instant::now(),
            race.watch,
            None,
        );
        let measured = match measured {
            Ok(measured) => measured,
            // A framework that dies of the same Ctrl-C has not failed.
            Err(_) if race.watch.progress.is_stopped() => return,
            Err(error) => return self.fail(error.to_string()),
        };
        if race.watch.progress.is_stopped() && !measured.is_complete {
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
            threads: self.entrant.engine.threads,
            passes: self.entrant.engine.passes.clone(),
            ..race.job.clone()
        }
    }

    fn into_record(mut self, race: &Race, load_s: f64, is_interrupted: bool) -> Record {
        if is_interrupted && self.is_in() {
            self.outcome.partial = Some(PartialReason::Interrupted);
        }
        if let Some(first) = self.outcome.runs.first_mut() {
            first.phases.load_s = load_s;
        }
        let engine = &self.entrant.engine;
        let differing = differing_losses(engine.engine, &self.outcome.runs);
        self.outcome.warnings.extend(differing);
        for warning in &self.outcome.warnings {
            output::warning(&format!("{}: {warning}", engine.engine.name()));
        }
        let options = race.options;
        record(
            &options.workload,
            engine,
            &race.job.dataset,
            self.gate.as_ref(),
            self.outcome,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_an_order_of_its_own_that_can_be_had_again() {
        let orders: Vec<Vec<usize>> = (0..8).map(|round| round_order(4, 1, round)).collect();
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort();
            assert_eq!(sorted, [0, 1, 2, 3]);
        }
        assert!(orders.iter().any(|order| *order != orders[0]));
        assert_eq!(round_order(4, 1, 3), orders[3]);
    }
}
