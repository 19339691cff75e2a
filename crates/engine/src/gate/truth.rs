//! What the oracle makes of one step from a given state.

use std::{cell::OnceCell, rc::Rc};

use laptime_graph::{Program, State, TrainingStep};
use laptime_reference::{Reference, Rounding, training_batch};
use laptime_workload::{
    Workload,
    dataset::{Dataset, Samples},
};

use super::range::{Limits, Range, largest, largest_of_state};

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

/// A step apart from the precision.
#[derive(Clone)]
pub(super) struct Exact {
    pub(super) made: Rc<Made>,
    /// The largest magnitude of its logits.
    pub(super) logits: f64,
}

impl Exact {
    /// Has an oracle do a step on a batch. The oracle's state is the one behind it then.
    pub(super) fn step(reference: &mut Reference, batch: &Samples) -> Self {
        let (loss, logits) = stepped(reference, batch);
        Self::new(loss, logits, reference.state())
    }

    fn new(loss: f64, logits: f64, state: State) -> Self {
        let made = Rc::new(Made { loss, state });
        Self { made, logits }
    }
}

/// The mean loss of a step, and the largest magnitude of its logits.
fn stepped(reference: &mut Reference, batch: &Samples) -> (f64, f64) {
    let loss = reference.step(batch).loss_sum() / batch.count() as f64;
    (loss, largest(&reference.logits()))
}

/// A step that the oracle can do again, with other rounding.
pub(super) struct Step<'a> {
    pub(super) training: &'a TrainingStep,
    pub(super) start: &'a State,
    batch: Samples,
    /// What the oracle makes of it apart from the precision, once that is known.
    unrounded: OnceCell<Exact>,
    /// Whether the engine's rounding points are not the Program's: see [`super::one_step`].
    pub(super) rounds_elsewhere: bool,
}

impl<'a> Step<'a> {
    pub(super) fn new(
        workload: &Workload,
        training: &'a TrainingStep,
        samples: &Dataset,
        start: &'a State,
        batch: &[u32],
        trained: Option<Exact>,
        rounds_elsewhere: bool,
    ) -> Self {
        Self {
            training,
            start,
            batch: training_batch(workload, &samples.train, start.steps + 1, batch),
            unrounded: trained.map(OnceCell::from).unwrap_or_default(),
            rounds_elsewhere,
        }
    }

    /// What the oracle makes of it, apart from the precision.
    pub(super) fn unrounded(&self) -> Exact {
        let made = || self.made(Reference::of_step(self.training).without_rounding_points());
        self.unrounded.get_or_init(made).clone()
    }

    /// Another of the oracle's steps, as far from the true one as rounding may bring an engine.
    pub(super) fn disturbed(&self, draw: u32) -> Rc<Made> {
        let reference = Reference::of_step(self.training);
        self.made(disturb(reference, self.rounds_elsewhere, draw))
            .made
    }

    /// The true step, and the first of the disturbed ones.
    pub(super) fn truth(&self) -> Truth {
        // One after the other: each takes all processors.
        let Exact { made, logits } = if has_rounding_points(&self.training.last) {
            self.made(Reference::of_step(self.training))
        } else {
            self.unrounded()
        };
        Truth {
            range: Limits::SINGLE.range(made.largest(), logits),
            exact: made,
            disturbed: self.disturbed(0),
        }
    }

    fn made(&self, mut reference: Reference) -> Exact {
        reference.set_state(self.start);
        let (loss, logits) = stepped(&mut reference, &self.batch);
        Exact::new(loss, logits, reference.into_state())
    }
}

fn has_rounding_points(program: &Program) -> bool {
    program
        .operations
        .iter()
        .any(|one| one.op.definition().is_rounding())
}

/// What the oracle makes of a step.
pub(super) struct Truth {
    pub(super) exact: Rc<Made>,
    /// One draw of what rounding may make of it.
    pub(super) disturbed: Rc<Made>,
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
