//! What the oracle makes of one step from a given state.

use laptime_graph::{Program, State};
use laptime_reference::{Reference, Rounding};
use laptime_workload::dataset::Dataset;

use super::{
    batch_of,
    range::{Limits, Range, largest, largest_of_state},
};

/// What a step made: the mean loss before it, and the state behind it.
pub(super) struct Made {
    pub(super) loss: f64,
    pub(super) state: State,
}

impl Made {
    /// The largest magnitude in it; infinite where something is not a number.
    pub(super) fn largest(&self) -> f64 {
        largest(&[self.loss]).max(largest_of_state(&self.state))
    }

    /// The name of something in it that is not finite.
    pub(super) fn not_finite(&self) -> Option<&str> {
        if !self.loss.is_finite() {
            return Some("the loss");
        }
        let mut tensors = self.state.tensors.iter();
        let other = tensors.find(|tensor| tensor.values.iter().any(|value| !value.is_finite()))?;
        Some(&other.name)
    }
}

/// A step that the oracle can do again, with other rounding.
pub(super) struct Step<'a> {
    pub(super) program: &'a Program,
    pub(super) start: &'a State,
    pixels: Vec<u8>,
    labels: Vec<u8>,
    /// Whether the engine's rounding points are not the Program's: see [`super::one_step`].
    pub(super) rounds_elsewhere: bool,
}

impl<'a> Step<'a> {
    pub(super) fn new(
        program: &'a Program,
        samples: &Dataset,
        start: &'a State,
        batch: &[u32],
        rounds_elsewhere: bool,
    ) -> Self {
        let (pixels, labels) = batch_of(samples, batch);
        Self {
            program,
            start,
            pixels,
            labels,
            rounds_elsewhere,
        }
    }

    /// What the oracle makes of it, apart from the precision.
    pub(super) fn unrounded(&self) -> Made {
        self.made(Reference::of_program(self.program).without_rounding_points())
            .0
    }

    /// Another of the oracle's steps, as far from the true one as rounding may bring an engine.
    pub(super) fn disturbed(&self, draw: u32) -> Made {
        let reference = Reference::of_program(self.program);
        self.made(disturb(reference, self.rounds_elsewhere, draw)).0
    }

    /// The true step, and the first of the disturbed ones.
    pub(super) fn truth(&self) -> Truth {
        // One after the other: each takes all processors.
        let (exact, logits) = self.made(Reference::of_program(self.program));
        Truth {
            range: Limits::SINGLE.range(exact.largest(), logits),
            exact,
            disturbed: self.disturbed(0),
        }
    }

    /// Also the largest magnitude of the logits.
    fn made(&self, mut reference: Reference) -> (Made, f64) {
        reference.set_state(self.start);
        let step = reference.step(&self.pixels, &self.labels);
        let loss = step.loss_sum / self.labels.len() as f64;
        let logits = reference.value(self.program.logits).unwrap_or_default();
        let state = reference.into_state();
        (Made { loss, state }, largest(&logits))
    }
}

/// What the oracle makes of a step.
pub(super) struct Truth {
    pub(super) exact: Made,
    /// One draw of what rounding may make of it.
    pub(super) disturbed: Made,
    /// Whether single precision can hold the step.
    pub(super) range: Range,
}

/// Makes another of the oracle, as far from it as rounding may bring an engine.
pub(super) fn disturb(reference: Reference, rounds_elsewhere: bool, draw: u32) -> Reference {
    if rounds_elsewhere {
        reference.without_rounding_points()
    } else {
        reference.with_rounding(Rounding::Coarse { draw })
    }
}
