//! The first question: does the engine *mean* the same training?

use laptime_graph::{Program, State, StateTensor, schedule::Schedule};
use laptime_reference::Reference;
use laptime_workload::dataset::Dataset;

use super::{Oracle, batch_of, distance, exceeds, lacks, norm};
use crate::{EngineError, Session};

/// What may differ in f64: sums are taken in another order, no more. Measured on Fashion-MNIST
/// over 20 steps: 3·10⁻¹⁴ for the oracle against PyTorch in float64; a learning rate 1 % off gives
/// 10⁻².
const BOUND: f64 = 1e-6;
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

/// The trace of a lowered Schedule, executed by the oracle on the training samples of `order`,
/// a whole batch a step; apart from its precision, so without rounding points.
pub fn trace_schedule(
    program: &Program,
    schedule: &Schedule,
    samples: &Dataset,
    start: &State,
    order: &[u32],
) -> Trace {
    let mut reference = Reference::of_schedule(program, schedule).without_rounding_points();
    reference.set_state(start);
    let losses = order
        .chunks_exact(program.batch_size)
        .map(|batch| {
            let (pixels, labels) = batch_of(samples, batch);
            reference.step(&pixels, &labels).loss_sum / program.batch_size as f64
        })
        .collect();
    Trace {
        losses,
        state: reference.into_state(),
    }
}

/// What differs from the oracle, whose state behind its last step is `last`, if anything does.
pub(super) fn difference(
    session: &mut dyn Session,
    oracle: &Oracle,
    last: State,
) -> Result<Option<String>, EngineError> {
    let samples = oracle.losses.len() * oracle.batch_size;
    let trace = session.trace_f64(&oracle.states[0], &oracle.order[..samples])?;
    if trace.losses.len() != oracle.losses.len() {
        return Ok(Some(format!(
            "in f64, it gives the losses of {} steps instead of {}",
            trace.losses.len(),
            oracle.losses.len()
        )));
    }
    if let Some(what) = lacks(&trace.state, &last) {
        return Ok(Some(format!("in f64, {what}")));
    }
    for (step, (loss, expected)) in trace.losses.iter().zip(&oracle.losses).enumerate() {
        let difference = (loss - expected).abs() / expected.abs().max(1.0);
        if exceeds(difference, BOUND) {
            return Ok(Some(format!(
                "in f64, the loss of step {} differs by {difference:.1e} (bound {BOUND:.0e})",
                step + 1
            )));
        }
    }
    for (expected, first) in last.tensors.iter().zip(&oracle.states[0].tensors) {
        let tensor = trace
            .state
            .tensor(&expected.name)
            .expect("it lacks nothing");
        let difference = distance(tensor, expected);
        let still = STILL_BOUND * (expected.values.len() as f64).sqrt();
        // Moments may be as small as that and mean something.
        let is_still = expected.values == first.values
            || moment_kind(expected).is_none() && distance(expected, first) <= still;
        let allowed = if is_still {
            still
        } else {
            BOUND * norm(expected.values.iter().copied())
                + NOISE * largest(&last, expected) * (expected.values.len() as f64).sqrt()
        };
        if exceeds(difference, allowed) {
            return Ok(Some(format!(
                "in f64, {} differs by {difference:.1e} after {} steps (bound {allowed:.0e})",
                expected.name,
                oracle.losses.len()
            )));
        }
    }
    Ok(None)
}

/// The largest root mean square of the moments that are of one kind with this one; 0 for what is no
/// moment.
fn largest(state: &State, moment: &StateTensor) -> f64 {
    let Some(wanted) = moment_kind(moment) else {
        return 0.0;
    };
    let same = state
        .tensors
        .iter()
        .filter(|one| moment_kind(one) == Some(wanted));
    let sizes =
        same.map(|one| norm(one.values.iter().copied()) / (one.values.len().max(1) as f64).sqrt());
    sizes.fold(0.0, f64::max)
}

/// Which moment a tensor is, if it is one: the gradients' mean, or that of their squares.
fn moment_kind(tensor: &StateTensor) -> Option<&str> {
    let (_, suffix) = tensor.name.rsplit_once('.')?;
    ["m", "v", "velocity"].contains(&suffix).then_some(suffix)
}
