//! The suite: each workload within its share of the time, in full or by as many steps as fit.

use std::time::{Duration, Instant};

use laptime_results::{Record, SuiteFacts, new_id, suite::SUITE};

use crate::{
    failure::Failure,
    run_options::RunOptions,
    training::{LooksOn, trained},
};

/// Trains all workloads, and gives their records. `options_of` has what one of them is trained with.
///
/// # Errors
/// Where one cannot be trained at all.
pub fn run(
    budget: Duration,
    looks_on: &LooksOn,
    options_of: impl Fn(&str) -> Result<RunOptions, Failure>,
) -> Result<Vec<Record>, Failure> {
    let begin = Instant::now();
    let facts = SuiteFacts {
        id: new_id().0,
        version: SUITE.name.into(),
    };
    let mut records: Vec<Record> = Vec::new();
    let all = SUITE.workloads.len();
    for (place, name) in SUITE.workloads.iter().enumerate() {
        if looks_on.watch.progress.is_stopped() {
            break;
        }
        let mut options = match options_of(name) {
            Err(_) if looks_on.watch.progress.is_stopped() => break,
            options => options?,
        };
        // What the quick ones leave is for the long ones, which come last.
        let left = budget.saturating_sub(begin.elapsed()) / (all - place) as u32;
        options.share = Some(left);
        let mut record = trained(&mut options, looks_on, &records)?.record;
        record.suite = Some(facts.clone());
        records.push(record);
    }
    Ok(records)
}
