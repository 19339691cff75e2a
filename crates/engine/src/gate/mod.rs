//! The equivalence gate: is it the same training?
//!
//! Losses of a free-running training cannot tell: rounding alone makes deep nets drift as far from
//! the truth as a learning rate 1 % off does. So the gate asks twice, on synthetic samples with a
//! fixed seed:
//!
//! 1. *Semantics, in f64* (`semantics.rs`): what the engine means to do, done in double precision for
//!    a number of steps, must give the oracle's losses and state.
//! 2. *The timed path, one step at a time* (`one_step.rs`): set to the oracle's state at several
//!    steps, the very session that is timed does one step; its loss, the change of every parameter
//!    and moment, and the logits behind it must be the oracle's, to the timed precision's rounding.
//! 3. *Many steps a call* (`epoch.rs`): a call for several batches, which is what is timed, must do
//!    what a call for each of them does.
//!
//! The gate's time is never part of a measured one.

mod budget;
mod epoch;
mod one_step;
mod semantics;
mod verdict;

use std::sync::Arc;

use laptime_graph::{Mode, Program, State, StateTensor, build};
use laptime_reference::Reference;
use laptime_workload::{
    Optimizer, Precision,
    dataset::{Dataset, synthetic},
    epoch_order,
};

pub use budget::{Plan, plan};
pub use semantics::{Trace, trace_schedule};
pub use verdict::Verdict;

use crate::{Device, Engine, EngineError, Job};

/// The seed of the gate's weights and orders, whatever seed is timed.
const SEED: u64 = 20;
/// Steps that the oracle trains, of a model that is not too large for that.
pub const STEPS: usize = 20;
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
    let (oracle, last) = Oracle::train(truth, &samples, budget);
    let job = Job {
        dataset: samples.clone(),
        ..job.clone()
    };
    let mut session = engine.compile(&job, device)?;
    if let Some(what) = semantics::difference(session.as_mut(), &oracle, last)? {
        return Ok(Verdict::Failed { what });
    }
    let (differs, steps) = one_step::difference(session.as_mut(), &oracle, &samples)?;
    if let Some(what) = differs {
        return Ok(Verdict::Failed { what });
    }
    let exactly = engine.repeats_exactly();
    if engine.follows_order()
        && let Some(what) = epoch::difference(session.as_mut(), &oracle, &samples, exactly)?
    {
        return Ok(Verdict::Failed { what });
    }
    Ok(Verdict::Verified { steps })
}

/// The gate's samples: whole batches for all steps, and a last one as short as the real data's.
fn samples(job: &Job) -> Dataset {
    let batch_size = job.workload.batch_size;
    let rest = job.dataset.train.count() % batch_size;
    synthetic(job.workload.dataset, STEPS * batch_size + rest, LOGITS)
}

/// What the oracle did on the gate's samples.
struct Oracle {
    /// The Program of a whole batch.
    program: Program,
    /// The Program of a last batch that has fewer samples.
    short_program: Option<Program>,
    /// The Program that scores test samples.
    evaluation: Program,
    /// The samples in the order that they are trained on.
    order: Vec<u32>,
    batch_size: usize,
    optimizer: Optimizer,
    precision: Precision,
    /// What may be asked.
    budget: budget::Budget,
    /// The mean loss of every step.
    losses: Vec<f64>,
    /// The states before the steps of [`CHECKED_STEPS`].
    states: Vec<State>,
}

impl Oracle {
    /// Also gives the state behind the last step.
    fn train(job: &Job, samples: &Dataset, budget: budget::Budget) -> (Self, State) {
        let batch_size = job.workload.batch_size;
        let program = build(&job.workload, Mode::Training, batch_size);
        let evaluation = build(&job.workload, Mode::Evaluation, LOGITS);
        let order = epoch_order(SEED, 0, samples.train.count(), true);
        let rest = order.len() % batch_size;
        let short_program = (rest > 0).then(|| build(&job.workload, Mode::Training, rest));
        let initial = State::initial(&program, SEED);
        // Apart from the precision: rounding points come into the second question alone.
        let mut reference = Reference::of_program(&program).without_rounding_points();
        reference.set_state(&initial);
        let (mut losses, mut states) = (Vec::new(), vec![initial]);
        for batch in order.chunks_exact(batch_size).take(budget.steps) {
            // Only the states that are asked for are kept: they are as large as the model.
            if !losses.is_empty() && CHECKED_STEPS.contains(&losses.len()) {
                states.push(reference.state());
            }
            let (pixels, labels) = batch_of(samples, batch);
            losses.push(reference.step(&pixels, &labels).loss_sum / batch_size as f64);
        }
        let last = reference.into_state();
        let oracle = Self {
            program,
            short_program,
            evaluation,
            order,
            batch_size,
            optimizer: job.workload.optimizer,
            precision: job.workload.precision,
            budget,
            losses,
            states,
        };
        (oracle, last)
    }
}

/// The pixels and labels of these training samples.
fn batch_of(samples: &Dataset, batch: &[u32]) -> (Vec<u8>, Vec<u8>) {
    let bytes = samples.shape.bytes();
    let pixels = batch
        .iter()
        .flat_map(|&sample| &samples.train.pixels[sample as usize * bytes..][..bytes])
        .copied()
        .collect();
    let labels = batch
        .iter()
        .map(|&sample| samples.train.labels[sample as usize])
        .collect();
    (pixels, labels)
}

/// What of `like` a state lacks, or has in another size, if anything.
fn lacks(state: &State, like: &State) -> Option<String> {
    like.tensors.iter().find_map(|tensor| {
        let (name, count) = (&tensor.name, tensor.values.len());
        match state.tensor(name) {
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

/// Whether a difference is beyond its bound; one that is not a number always is.
fn exceeds(difference: f64, bound: f64) -> bool {
    difference.is_nan() || difference > bound
}
