//! How much of a workload fits into a share of time: whole runs, or runs of so many steps.

use std::time::Duration;

use laptime_engine::{EngineError, Job};
use laptime_measure::{Ends, statistics::LEAST_RUNS};

use crate::{engine_choice::EngineChoice, repeat_plan::Repeats, sweep::Timed};

/// What is done within the share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Where each training ends.
    pub ends: Ends,
    /// How often it is repeated behind a first, cold run.
    pub repeats: Repeats,
}

/// What a run costs.
#[derive(Debug, Clone, Copy)]
struct Cost {
    step_s: f64,
    steps: u64,
    /// Testing, and what a process takes besides.
    rest_s: f64,
}

/// The fewest runs that have an interval.
const FEWEST_RUNS: u64 = 6;
/// Fewer steps say too little of those that follow: a steady state takes twenty to be seen.
const FEWEST_STEPS: u64 = 20;
/// What a process takes beside training and testing: to start, to read samples, to compile.
const PROCESS_S: f64 = 0.6;

/// Measures a few steps and says what fits into this time.
///
/// # Errors
/// Where the engine cannot train.
pub fn fit(engine: &EngineChoice, job: &Job, share: Duration) -> Result<Fit, EngineError> {
    let session = engine.engine.compile(job, &engine.device)?;
    let mut timed = Timed::new(job.clone(), session)?;
    timed.round()?;
    let step_s = timed.step_s[0];
    let (workload, dataset) = (&job.workload, &job.dataset);
    let batch_size = workload.batch_size as f64;
    let steps_of_epoch = workload
        .epoch_samples(dataset.train.count())
        .div_ceil(workload.batch_size);
    // A test has the forward pass alone, a third of a step's products.
    let test_s = step_s * dataset.test.count() as f64 / batch_size / 3.0;
    Ok(of_cost(
        Cost {
            step_s,
            steps: (workload.epochs * steps_of_epoch) as u64,
            rest_s: test_s + PROCESS_S,
        },
        share.as_secs_f64(),
    ))
}

fn of_cost(cost: Cost, share_s: f64) -> Fit {
    let whole_s = cost.steps as f64 * cost.step_s + cost.rest_s;
    let least_runs = LEAST_RUNS as u64;
    if (least_runs + 1) as f64 * whole_s <= share_s {
        return Fit {
            ends: Ends::default(),
            repeats: Repeats::Fixed(least_runs),
        };
    }
    let run_s = share_s / (FEWEST_RUNS + 1) as f64;
    let steps = ((run_s - cost.rest_s) / cost.step_s).max(0.0) as u64;
    Fit {
        ends: Ends {
            max_steps: Some(steps.max(FEWEST_STEPS)).filter(|steps| *steps < cost.steps),
            ..Ends::default()
        },
        repeats: Repeats::Fixed(FEWEST_RUNS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_done_in_full_and_all_else_by_steps() {
        let quick = Cost {
            step_s: 1e-4,
            steps: 18_750,
            rest_s: 0.8,
        };
        let full = of_cost(quick, 60.0);
        assert_eq!(
            (full.ends.max_steps, full.repeats),
            (None, Repeats::Fixed(8))
        );
        let long = Cost {
            step_s: 0.15,
            steps: 15_630,
            rest_s: 6.0,
        };
        let cut = of_cost(long, 90.0);
        assert_eq!(cut.repeats, Repeats::Fixed(6));
        // 90 s for seven runs: 12.86 s each, 6.86 s of them for steps.
        assert_eq!(cut.ends.max_steps, Some(45));
        // However little time there is, there are enough steps to say something.
        assert_eq!(of_cost(long, 1.0).ends.max_steps, Some(20));
        // A short training that does not fit nine times is not cut to more than it has.
        let short = Cost { steps: 20, ..long };
        assert_eq!(of_cost(short, 1.0).ends.max_steps, None);
    }
}
