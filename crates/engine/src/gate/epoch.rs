//! The third question: does a call that trains several batches, as an epoch is timed, do what a call for
//! each of them does?
//!
//! Single steps from given states cannot tell of an order that is not followed, of a last batch that is
//! left out, or of what one step leaves behind for the next.

use std::collections::HashSet;

use laptime_graph::{Program, Role, State, StateTensor};
use laptime_workload::dataset::Dataset;

use super::{
    Oracle, exceeds, lacks, norm,
    one_step::{Stepped, step_of, step_on},
    range::largest_of_state,
};
use crate::{EngineError, Progress, Score, Session};

/// Whole batches before the last one.
const BATCHES: usize = 3;

// An engine that repeats itself exactly has no excuse. Of another, a deep net drifts by rounding alone:
// gradients by percents within four steps, and Adam makes a whole step of each sign that turns.

/// How much the mean loss may differ, relative to it.
const LOSS_BOUND: f64 = 0.1;
/// How much the change of all parameters together may differ, relative to it.
const CHANGE_BOUND: f64 = 0.5;

/// What differs, if anything does. `exactly`: between the two ways, not even a bit may. `diverges`: the
/// oracle's training does within the gate's steps, each of which the session has done as the oracle.
pub(super) fn difference(
    session: &mut dyn Session,
    oracle: &Oracle,
    samples: &Dataset,
    exactly: bool,
    diverges: bool,
) -> Result<Option<String>, EngineError> {
    let (batch_size, start) = (oracle.batch_size, &oracle.kept[0].start);
    let whole = &oracle.order[..BATCHES * batch_size];
    // As short as the real data's last one, where that is short.
    let (training, last) = match (&oracle.short_step, oracle.order.chunks(batch_size).last()) {
        (Some(training), Some(last)) => (training, last),
        _ => (&oracle.step, &oracle.order[whole.len()..][..batch_size]),
    };

    session.set_state(start)?;
    let mut score = Score::default();
    for batch in whole.chunks(batch_size) {
        score = score + session.train(batch, &Progress::new())?.score;
    }
    let before = session.state()?;
    if let Some(what) = lacks(&before, start) {
        return Ok(Some(what));
    }
    let (expected, of_last) = if largest_of_state(&before).is_finite() {
        let step = step_of(session, oracle, training, samples, &before, last, None);
        let truth = step.truth();
        match step_on(session, oracle, samples, &step, &truth, last, true)? {
            Stepped::As { state, score } | Stepped::Diverged { state, score } => (state, score),
            Stepped::Otherwise(what) => {
                let size = last.len();
                return Ok(Some(format!(
                    "a batch of {size} behind {BATCHES} others: {what}"
                )));
            }
        }
    } else if diverges {
        // From there on the oracle has nothing to say.
        let score = session.train(last, &Progress::new())?.score;
        (session.state()?, score)
    } else {
        return Ok(Some(format!(
            "{BATCHES} batches in calls of their own leave a state that is not finite"
        )));
    };
    score = score + of_last;

    session.set_state(start)?;
    let order = [whole, last].concat();
    let given = session.train(&order, &Progress::new())?.score;
    let state = session.state()?;
    let differs = counts_differ(
        &given,
        order.len(),
        &state,
        start.steps + BATCHES as u64 + 1,
    )
    .or_else(|| lacks(&state, start))
    .or_else(|| {
        if exactly {
            bits_differ(&given, &score, &state, &expected)
        } else {
            training_differs(
                &given,
                &score,
                &oracle.step.last,
                [start, &state, &expected],
            )
        }
    });
    Ok(differs.map(|what| format!("{} batches in one call: {what}", BATCHES + 1)))
}

fn counts_differ(score: &Score, samples: usize, state: &State, steps: u64) -> Option<String> {
    if score.samples != samples as u64 {
        return Some(format!(
            "of {samples} samples, {} are scored",
            score.samples
        ));
    }
    (state.steps != steps).then(|| format!("{} steps are counted, not {steps}", state.steps))
}

fn bits_differ(score: &Score, alone: &Score, state: &State, expected: &State) -> Option<String> {
    let mut sums = score.sums.into_iter().zip(alone.sums);
    if sums.any(|(given, alone)| !is_same(given, alone)) {
        return Some(format!(
            "the loss is {}, and {} in a call for each batch",
            score.loss(),
            alone.loss()
        ));
    }
    let mut tensors = state.tensors.iter().zip(&expected.tensors);
    let is_other = |(given, expected): &(&StateTensor, &StateTensor)| {
        let mut values = given.values.iter().zip(&expected.values);
        given.name != expected.name || !values.all(|(a, b)| is_same(*a, *b))
    };
    tensors
        .find(is_other)
        .map(|(_, tensor)| format!("{} is not as from a call for each batch", tensor.name))
}

/// Whether two values are the same; what is not a number is so in many ways, which all mean that.
fn is_same(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan()
}

/// As far as rounding does not explain.
fn training_differs(
    score: &Score,
    alone: &Score,
    program: &Program,
    [start, state, expected]: [&State; 3],
) -> Option<String> {
    let is_finite =
        |score: &Score, state| score.loss_sum().is_finite() && largest_of_state(state).is_finite();
    match (is_finite(score, state), is_finite(alone, expected)) {
        (true, true) => {}
        (false, false) => return None,
        (true, false) => {
            return Some("everything stays finite, unlike in a call for each batch".into());
        }
        (false, true) => {
            return Some("something is not finite, unlike in a call for each batch".into());
        }
    }
    let difference = (score.loss() - alone.loss()).abs();
    let allowed = LOSS_BOUND * alone.loss().abs();
    if exceeds(difference, allowed) {
        return Some(format!(
            "the loss differs by {difference:.1e} from a call for each batch (bound {allowed:.0e})"
        ));
    }
    // Of parameters alone: those that have moments.
    let roles = program.tensors.iter().map(|tensor| &tensor.role);
    let moved: HashSet<&str> = roles
        .filter_map(|role| match role {
            Role::Moment { of, .. } => Some(program.tensor(*of).name.as_str()),
            _ => None,
        })
        .collect();
    let is_moved = |tensor: &&StateTensor| moved.contains(tensor.name.as_str());
    let distance = |a: &State, b: &State| {
        let b = b.by_name();
        norm(a.tensors.iter().filter(is_moved).flat_map(|a| {
            let b = b.get(a.name.as_str()).map_or(&[][..], |b| &b.values);
            a.values.iter().zip(b).map(|(a, b)| a - b)
        }))
    };
    let difference = distance(state, expected) / distance(expected, start);
    exceeds(difference, CHANGE_BOUND).then(|| {
        format!(
            "parameters move otherwise than in a call for each batch, by {difference:.1e} of it"
        )
    })
}
