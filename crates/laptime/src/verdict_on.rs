//! What a training's exit code says.

use laptime_measure::{Goal, Run};
use laptime_results::{GateVerdict, PartialReason, Record, divergence};

use crate::failure::Failure;

/// What the exit code is to say of the run itself.
pub fn verdict_on(record: &Record) -> Result<(), Failure> {
    if record.partial_reason == Some(PartialReason::Interrupted) {
        let last = record.runs.last();
        if last.is_some_and(|run| run.is_whole()) {
            let runs = record.runs.len();
            return Err(Failure::Interrupted(format!(
                "interrupted after {runs} whole {}",
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
    if record.gate.verdict == GateVerdict::Failed {
        return Err(Failure::Failed(format!(
            "the engine {} does not do the same training as the oracle; `laptime verify` checks \
             again",
            record.engine.name
        )));
    }
    if let Some(goal) = missed_goal(record) {
        let epochs = record.workload.epochs;
        return Err(Failure::Failed(format!(
            "--until {goal}: not reached within {epochs} epochs; train more of them with --epochs"
        )));
    }
    if let Some(place) = divergence(record) {
        let what = format!("the training diverged {place}: its loss is not finite");
        return Err(Failure::diverged(&what));
    }
    Ok(())
}

/// The goal that a run did not reach, if there is one.
fn missed_goal(record: &Record) -> Option<Goal> {
    let mut outcomes = record.runs.iter().filter_map(|run| run.goal.as_ref());
    let missed = outcomes.find(|it| it.reached_after_epochs.is_none());
    missed.map(|it| it.goal)
}
