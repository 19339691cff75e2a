//! The first question: does the engine *mean* the same training?
//!
//! It is asked one step at a time, from the oracle's states before several steps: in a training that runs
//! on by itself, even f64's rounding grows in a deep net by a factor a step. What a step leaves behind is
//! all in its state, whose bounds are tight, and what depends on the count of steps shows in the later
//! ones.

use laptime_graph::{State, StateTensor, TrainingStep, schedule::Schedule};
use laptime_reference::{Reference, training_batch};
use laptime_workload::{Workload, dataset::Dataset};

use super::{
    Moments, distance, exceeds, lacks, norm,
    range::{Limits, Range},
    truth::Made,
};
use crate::{EngineError, Session};

/// What the loss of a step may differ by in f64, relative to it, and a change, relative to the change:
/// sums are taken in another order, no more. Measured on Fashion-MNIST: 3·10⁻¹⁴ for the oracle against
/// PyTorch in float64; a learning rate 1 % off gives 10⁻².
const BOUND: f64 = 1e-6;
/// What a value may differ by beside, relative to it: some units in its last place.
const STORED_BOUND: f64 = 1e-14;
/// What a value may differ by that the oracle leaves as it is, to within as much. The true gradient of a
/// bias in front of a batch norm is 0, with another layer between them as well, and so is the mean of what
/// is normed; frameworks and the oracle compute 10⁻¹⁷, of which Adam makes 10⁻¹¹ a step.
const STILL_BOUND: f64 = 1e-8;

/// What a moment may differ by, relative to the largest of its kind: a gradient that is truly 0 is 10⁻¹⁷
/// of the others here, and of a framework, another 10⁻¹⁷.
const NOISE: f64 = 1e-12;

/// What an engine gives when it trains in f64.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The mean loss of every step.
    pub losses: Vec<f64>,
    /// The state behind the last step.
    pub state: State,
}

/// The trace of a step's lowered Schedules, in the order of its Programs, executed by the oracle on the training
/// samples of `order`, a whole batch a step; apart from its precision, so without rounding points.
pub fn trace_schedule(
    workload: &Workload,
    training: &TrainingStep,
    schedules: &[&Schedule],
    samples: &Dataset,
    start: &State,
    order: &[u32],
) -> Trace {
    let mut reference = Reference::of_lowered_step(training, schedules).without_rounding_points();
    reference.set_state(start);
    let losses = order
        .chunks_exact(training.samples)
        .zip(start.steps + 1..)
        .map(|(batch, step)| {
            let batch = training_batch(workload, &samples.train, step, batch);
            reference.step(&batch).loss_sum() / training.samples as f64
        })
        .collect();
    Trace {
        losses,
        state: reference.into_state(),
    }
}

/// What differs from the oracle's step on this batch, if anything does.
pub(super) fn difference(
    session: &mut dyn Session,
    moments: &Moments,
    start: &State,
    batch: &[u32],
    expected: &Made,
) -> Result<Option<String>, EngineError> {
    let trace = session.trace_f64(start, batch)?;
    let [loss] = trace.losses[..] else {
        let count = trace.losses.len();
        return Ok(Some(format!(
            "in f64, it gives the losses of {count} steps instead of 1"
        )));
    };
    let state = trace.state;
    let differs = lacks(&state, start)
        .or_else(|| (state.steps != start.steps + 1).then(|| "the step is not counted".into()))
        .or_else(|| step_differs(&Made { loss, state }, expected, start, moments));
    Ok(differs.map(|what| format!("in f64, {what}")))
}

fn step_differs(given: &Made, expected: &Made, start: &State, moments: &Moments) -> Option<String> {
    let range = |made: &Made| Limits::DOUBLE.range(made.largest(), 0.0);
    match (range(expected), range(given)) {
        // Nothing can be compared there; but both must have come there.
        (Range::Outside, Range::Inside) => {
            return Some("it stays small where the oracle diverges".into());
        }
        (Range::Outside, _) => return None,
        (_, _) => {}
    }
    let difference = (given.loss - expected.loss).abs() / expected.loss.abs().max(1.0);
    if exceeds(difference, BOUND) {
        return Some(format!(
            "the loss differs by {difference:.1e} (bound {BOUND:.0e})"
        ));
    }
    let by_name = [&given.state, start].map(State::by_name);
    expected.state.tensors.iter().find_map(|after| {
        let [given, before] = [0, 1].map(|of| {
            *by_name[of]
                .get(after.name.as_str())
                .expect("it lacks nothing")
        });
        let difference = distance(given, after);
        let allowed = allowed(after, before, &expected.state, moments);
        exceeds(difference, allowed).then(|| {
            format!(
                "{} differs by {difference:.1e} (bound {allowed:.0e})",
                after.name
            )
        })
    })
}

/// What a tensor of the state behind the step may differ by.
fn allowed(after: &StateTensor, before: &StateTensor, behind: &State, moments: &Moments) -> f64 {
    let change = distance(after, before);
    let root = (after.values.len() as f64).sqrt();
    // Moments may be as small as that and mean something.
    let is_still = after.values == before.values
        || !moments.contains_key(after.name.as_str()) && change <= STILL_BOUND * root;
    if is_still {
        return STILL_BOUND * root;
    }
    BOUND * change
        + STORED_BOUND * norm(after.values.iter().copied())
        + NOISE * largest(behind, after, moments) * root
}

/// The largest root mean square of the moments that are of one kind with this one; 0 for what is no
/// moment.
fn largest(state: &State, moment: &StateTensor, moments: &Moments) -> f64 {
    let Some(wanted) = moments.get(moment.name.as_str()) else {
        return 0.0;
    };
    let same = state
        .tensors
        .iter()
        .filter(|one| moments.get(one.name.as_str()) == Some(wanted));
    let sizes =
        same.map(|one| norm(one.values.iter().copied()) / (one.values.len().max(1) as f64).sqrt());
    sizes.fold(0.0, f64::max)
}
