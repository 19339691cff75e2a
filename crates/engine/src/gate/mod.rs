//! The equivalence gate: is it the same training?
//!
//! Losses of a free-running training cannot tell: rounding alone makes deep nets drift as far from
//! the truth as a learning rate 1 % off does. So the gate asks, on synthetic samples with a
//! fixed seed:
//!
//! 1. *Semantics, in f64* (`semantics.rs`): from the oracle's state at several steps, what the engine
//!    means to do, done in double precision, must give the oracle's loss and state behind the step.
//! 2. *The timed path, one step at a time* (`one_step.rs`): set to the same states, the very session
//!    that is timed does one step; its loss, the change of every parameter and moment, and the logits
//!    behind it must be the oracle's, to the timed precision's rounding.
//! 3. *Many steps a call* (`epoch.rs`): a call for several batches, which is what is timed, must do
//!    what a call for each of them does.
//!
//! Before that, the weights that a session begins with must be those of the seed, or of the file that gives
//! them, bit for bit (`start.rs`).
//!
//! Where the oracle's training diverges, the steps before are held to the same bounds, and of the engine
//! it is asked that it diverges there too, as far as a format's range decides that (`range.rs`).
//!
//! Where an engine draws dropout masks of its own, as frameworks do, the questions are asked with the
//! Program's masks given to it, and of its own the gate checks rate and scale (`dropout.rs`).
//!
//! The gate's time is never part of a measured one.

mod budget;
mod dropout;
mod epoch;
mod one_step;
mod range;
mod semantics;
mod start;
mod truth;
mod verdict;

use std::{collections::HashMap, sync::Arc};

use laptime_graph::{Mode, MomentRole, Program, Role, State, StateTensor, TrainingStep, build};
use laptime_reference::{Reference, training_batch};
use laptime_workload::{
    Optimizer, Precision, RateSchedule, Workload,
    dataset::{Dataset, synthetic},
    epoch_order,
};

pub use budget::{Plan, plan};
pub use semantics::{Trace, trace_schedule};
pub use verdict::Verdict;

use crate::{Device, Engine, EngineError, Job, Session};
use one_step::{Stepped, step_of, step_on};
use range::{Limits, Range, largest, largest_of_state};
use truth::Exact;

/// The seed of the gate's orders, and of its weights where none are given, whatever seed is timed.
const SEED: u64 = 20;
/// Steps that the oracle trains, of a model that is not too large for that.
pub const STEPS: usize = CHECKED_STEPS[CHECKED_STEPS.len() - 1] + 1;
/// The steps before which the timed path is set to the oracle's state.
const CHECKED_STEPS: [usize; 4] = [0, 1, 5, 19];
/// Test samples whose logits are compared.
const LOGITS: usize = 64;
/// Tells whether an engine does the same training as the oracle.
///
/// # Errors
/// Where the engine cannot compile or run the workload at all.
pub fn verify(engine: &dyn Engine, job: &Job, device: &Device) -> Result<Verdict, EngineError> {
    let samples = Arc::new(samples(job));
    verify_against(
        engine,
        &Job {
            dataset: samples,
            ..job.clone()
        },
        device,
        job,
    )
}

/// As [`verify`], with the truth given apart: `truth` says what should be trained, `job` what the
/// engine is asked to train. They differ only in tests, which plant errors.
///
/// # Errors
/// As [`verify`].
pub fn verify_against(
    engine: &dyn Engine,
    job: &Job,
    device: &Device,
    truth: &Job,
) -> Result<Verdict, EngineError> {
    let samples = Arc::new(samples(truth));
    let budget = budget::Budget::of(truth)?;
    let oracle = Oracle::train(truth, &samples, budget);
    let job = Job {
        dataset: samples.clone(),
        ..job.clone()
    };
    let mut session = engine.compile(&job, device)?;
    // Who shuffles for himself draws weights of his own too.
    if engine.follows_order()
        && let Some(what) = start::difference(session.as_mut(), &truth.workload)?
    {
        return Ok(Verdict::Failed { what });
    }
    let own_dropout = session.draws_own_masks();
    if own_dropout {
        let layers = &truth.workload.layers;
        let session = session.as_mut();
        if let Some(what) = dropout::difference(session, &oracle, &samples, layers)? {
            return Ok(Verdict::Failed { what });
        }
        session.use_program_masks()?;
    }
    let verdict = steps_verdict(session.as_mut(), &oracle, &samples)?;
    let Verdict::Verified {
        steps, diverges_at, ..
    } = verdict
    else {
        return Ok(verdict);
    };
    let exactly = engine.repeats_exactly();
    let diverges = diverges_at.is_some();
    if engine.follows_order()
        && let Some(what) =
            epoch::difference(session.as_mut(), &oracle, &samples, exactly, diverges)?
    {
        return Ok(Verdict::Failed { what });
    }
    Ok(Verdict::Verified {
        steps,
        diverges_at,
        own_dropout,
    })
}

/// The verdict over single steps, from each of the states that the oracle has kept.
fn steps_verdict(
    session: &mut dyn Session,
    oracle: &Oracle,
    samples: &Dataset,
) -> Result<Verdict, EngineError> {
    let verified = |steps, diverges_at| Verdict::Verified {
        steps,
        diverges_at,
        own_dropout: false,
    };
    for (number, kept) in oracle.kept.iter().enumerate() {
        let done = kept.start.steps as usize;
        if !oracle.budget.has_check(number) {
            return Ok(verified(done, None));
        }
        let with_logits = number == 0;
        let stepped = checked_step(session, oracle, samples, kept, with_logits)?;
        match stepped {
            Stepped::As { .. } => {}
            Stepped::Diverged { .. } => return Ok(verified(done, Some(done + 1))),
            Stepped::Otherwise(what) => {
                let what = format!("step {}: {what}", done + 1);
                return Ok(Verdict::Failed { what });
            }
        }
    }
    Ok(verified(oracle.steps, oracle.diverges_at))
}

/// The first two questions about the step from one state.
fn checked_step(
    session: &mut dyn Session,
    oracle: &Oracle,
    samples: &Dataset,
    kept: &Kept,
    with_logits: bool,
) -> Result<Stepped, EngineError> {
    let start = &kept.start;
    let mut batches = oracle.order.chunks(oracle.batch_size);
    let batch = batches
        .nth(start.steps as usize)
        .expect("the oracle did it");
    let trained = kept.exact.clone();
    let step = step_of(
        session,
        oracle,
        &oracle.step,
        samples,
        start,
        batch,
        trained,
    );
    // Apart from the precision: rounding points come into the second question alone.
    let unrounded = step.unrounded().made;
    let moments = moments(&oracle.step.last);
    if let Some(what) = semantics::difference(session, &moments, start, batch, &unrounded)? {
        return Ok(Stepped::Otherwise(what));
    }
    let truth = step.truth();
    session.set_state(start)?;
    step_on(session, oracle, samples, &step, &truth, batch, with_logits)
}

/// The moments of a state, by name.
type Moments<'a> = HashMap<&'a str, MomentRole>;

fn moments(program: &Program) -> Moments<'_> {
    let persistent = program.persistent();
    let moments = persistent.filter_map(|(_, tensor)| match tensor.role {
        Role::Moment { which, .. } => Some((tensor.name.as_str(), which)),
        _ => None,
    });
    moments.collect()
}

/// The gate's samples: whole batches for all steps, and a last one as short as the real data's.
fn samples(job: &Job) -> Dataset {
    let batch_size = job.workload.batch_size;
    let rest = job.workload.epoch_samples(job.dataset.train.count()) % batch_size;
    synthetic(
        job.workload.dataset.description(),
        STEPS * batch_size + rest,
        LOGITS,
    )
}

/// What the oracle did on the gate's samples.
struct Oracle {
    /// The step of a whole batch.
    step: TrainingStep,
    /// The step of a last batch that has fewer samples.
    short_step: Option<TrainingStep>,
    /// The Program that scores test samples.
    evaluation: Program,
    /// The samples in the order that they are trained on.
    order: Vec<u32>,
    batch_size: usize,
    /// What is trained.
    workload: Arc<Workload>,
    optimizer: Optimizer,
    rate_schedule: Option<RateSchedule>,
    precision: Precision,
    /// What may be asked.
    budget: budget::Budget,
    /// How many steps it has trained, without one that diverges.
    steps: usize,
    /// The step, counted from 1, whose results single precision cannot hold.
    diverges_at: Option<usize>,
    /// Before the steps of [`CHECKED_STEPS`], and before the one that diverges.
    kept: Vec<Kept>,
}

/// A state that an engine's step is checked from.
struct Kept {
    /// Rounded to single precision, which every engine can be set to; the oracle's training goes on from
    /// that.
    start: State,
    /// What the training made of it.
    exact: Option<Exact>,
}

impl Kept {
    fn before(state: State) -> Self {
        Self {
            start: state.rounded_to_f32(),
            exact: None,
        }
    }
}

impl Oracle {
    fn train(job: &Job, samples: &Dataset, budget: budget::Budget) -> Self {
        let batch_size = job.workload.batch_size;
        let step = TrainingStep::of(&job.workload, batch_size);
        let evaluation = build(&job.workload, Mode::Evaluation, LOGITS);
        let order = epoch_order(SEED, 0, samples.train.count(), true);
        let rest = order.len() % batch_size;
        let short_step = (rest > 0).then(|| TrainingStep::of(&job.workload, rest));
        // The states are the same for every precision.
        let mut reference = Reference::of_step(&step).without_rounding_points();
        let own = Workload {
            seed: SEED,
            ..Workload::clone(&job.workload)
        };
        let mut kept = vec![Kept::before(State::start(&step.last, &own))];
        reference.set_state(&kept[0].start);
        let (mut steps, mut diverges_at, mut is_kept_outside) = (0, None, false);
        for batch in order.chunks_exact(batch_size).take(budget.steps) {
            let is_checked = CHECKED_STEPS.contains(&steps);
            if steps > 0 && is_checked {
                let before = Kept::before(reference.state());
                is_kept_outside = is_state_outside(&before.start);
                reference.set_state(&before.start);
                kept.push(before);
            }
            let batch = training_batch(&job.workload, &samples.train, steps as u64 + 1, batch);
            // Only the states that are asked for are kept: they are as large as the model.
            let loss = match kept.last_mut() {
                Some(before) if is_checked => {
                    let exact = Exact::step(&mut reference, &batch);
                    before.exact.insert(exact).made.loss
                }
                _ => reference.step(&batch).loss_sum() / batch_size as f64,
            };
            if is_kept_outside || is_outside(largest(&[loss])) {
                drop(reference);
                let at = divergence(&job.workload, &step, samples, &order, &mut kept);
                (steps, diverges_at) = (at - 1, Some(at));
                break;
            }
            steps += 1;
        }
        Self {
            step,
            short_step,
            evaluation,
            order,
            batch_size,
            workload: job.workload.clone(),
            optimizer: job.workload.optimizer,
            rate_schedule: job.workload.rate_schedule,
            precision: job.workload.precision,
            budget,
            steps,
            diverges_at,
            kept,
        }
    }
}

/// The first step, counted from 1, whose results single precision cannot hold. The last of `kept` is then
/// what is before it.
///
/// A loss tells of it a step late or more, and no state in between was kept: the steps from the last
/// good one on are done again.
fn divergence(
    workload: &Workload,
    training: &TrainingStep,
    samples: &Dataset,
    order: &[u32],
    kept: &mut Vec<Kept>,
) -> usize {
    // The initial state is finite.
    while kept.len() > 1
        && kept
            .last()
            .is_some_and(|kept| is_state_outside(&kept.start))
    {
        kept.pop();
    }
    let last = &kept.last().expect("the initial state is kept").start;
    let mut before = last.clone();
    let last = last.steps;
    let mut reference = Reference::of_step(training).without_rounding_points();
    reference.set_state(&before);
    let batches = order.chunks_exact(training.samples);
    for batch in batches.skip(last as usize) {
        let batch = training_batch(workload, &samples.train, before.steps + 1, batch);
        let loss = reference.step(&batch).loss_sum() / training.samples as f64;
        let after = reference.state();
        if is_outside(largest(&[loss])) || is_state_outside(&after) {
            break;
        }
        before = after;
    }
    let step = before.steps as usize + 1;
    if before.steps > last {
        kept.push(Kept::before(before));
    }
    step
}

fn is_outside(results: f64) -> bool {
    Limits::SINGLE.range(results, 0.0) == Range::Outside
}

fn is_state_outside(state: &State) -> bool {
    is_outside(largest_of_state(state))
}

/// What of `like` a state lacks, or has in another size, if anything.
fn lacks(state: &State, like: &State) -> Option<String> {
    let given = state.by_name();
    like.tensors.iter().find_map(|tensor| {
        let (name, count) = (&tensor.name, tensor.values.len());
        match given.get(name.as_str()) {
            None => Some(format!("it has no {name}")),
            Some(given) if given.values.len() != count => Some(format!(
                "its {name} has {} values instead of {count}",
                given.values.len()
            )),
            Some(_) => None,
        }
    })
}

/// The Euclidean norm.
fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

/// The Euclidean norm of the difference.
fn distance(a: &StateTensor, b: &StateTensor) -> f64 {
    norm(a.values.iter().zip(&b.values).map(|(a, b)| a - b))
}

/// Whether a difference is not within its bound. One that is not a number never is, and a bound that is
/// not finite bounds nothing.
fn exceeds(difference: f64, bound: f64) -> bool {
    let is_within = bound.is_finite() && difference <= bound;
    !is_within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_passes_by_a_difference_or_a_bound_that_is_not_finite() {
        assert!(!exceeds(0.0, 0.0) && !exceeds(1.0, 2.0));
        assert!(exceeds(2.0, 1.0));
        for strange in [f64::NAN, f64::INFINITY] {
            assert!(exceeds(strange, 1.0), "{strange}");
            assert!(exceeds(0.0, strange), "{strange}");
            assert!(exceeds(strange, strange), "{strange}");
        }
    }
}
