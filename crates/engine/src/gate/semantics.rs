//! The first question: does the engine *mean* the same training?

use laptime_graph::{Program, State, schedule::Schedule};
use laptime_reference::Reference;
use laptime_workload::dataset::Dataset;

use super::{Oracle, batch_of, exceeds, norm};
use crate::{EngineError, Session};

/// What may differ in f64: sums are taken in another order, no more. Measured on Fashion-MNIST
/// over 20 steps: 3·10⁻¹⁴ for the oracle against PyTorch in float64; a learning rate 1 % off gives
/// 10⁻².
const BOUND: f64 = 1e-6;
/// What a value may differ by that the oracle leaves as it is. The true gradient of a bias in front of
/// a batch norm is 0; frameworks compute 10⁻¹⁷, of which Adam makes 10⁻¹¹ a step.
const STILL_BOUND: f64 = 1e-8;

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
        state: reference.state(),
    }
}

/// What differs from the oracle, if anything does.
pub(super) fn difference(
    session: &mut dyn Session,
    oracle: &Oracle,
) -> Result<Option<String>, EngineError> {
    let samples = oracle.losses.len() * oracle.batch_size;
    let trace = session.trace_f64(&oracle.states[0], &oracle.order[..samples])?;
    for (step, (loss, expected)) in trace.losses.iter().zip(&oracle.losses).enumerate() {
        let difference = (loss - expected).abs() / expected.abs().max(1.0);
        if exceeds(difference, BOUND) {
            return Ok(Some(format!(
                "in f64, the loss of step {} differs by {difference:.1e} (bound {BOUND:.0e})",
                step + 1
            )));
        }
    }
    for (expected, first) in oracle.last.tensors.iter().zip(&oracle.states[0].tensors) {
        let Some(tensor) = trace.state.tensor(&expected.name) else {
            return Ok(Some(format!("in f64, it has no {}", expected.name)));
        };
        let pairs = tensor.values.iter().zip(&expected.values);
        let difference = norm(pairs.map(|(a, b)| a - b));
        let allowed = if expected.values == first.values {
            STILL_BOUND * (expected.values.len() as f64).sqrt()
        } else {
            BOUND * norm(expected.values.iter().copied())
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
