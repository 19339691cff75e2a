//! The second question: does the timed path do a step as the oracle does it?

use std::collections::HashMap;

use laptime_graph::{MomentRole, Program, Role, State, StateTensor, TensorId, TrainingStep};
use laptime_reference::{Reference, ops};
use laptime_workload::{Optimizer, Precision, RmsProp, dataset::Dataset};

use super::{
    Oracle, distance, exceeds, lacks, moments, norm,
    range::{Limits, Range, largest},
    truth::{Exact, Made, Step, Truth, disturb},
};
use crate::{EngineError, Progress, Score, Session};

// A difference may be as large as what rounding every operation's result 64 times as coarsely as
// single precision does makes of the oracle itself, and in any case as large as the bounds below.
// They are about ten times what single precision did to Fashion-MNIST's net and to nets of up to
// three hidden layers, on every instruction set: 7·10⁻⁸ of the loss, 6·10⁻⁷ of the logits, 8·10⁻⁶ of
// an update (5·10⁻⁵ in a net of one-neuron layers). What truly does not change at all, as the moving mean
// behind another batch norm, has the coarse rounding alone, whose sums err by as much of what is added.
//
// Deep nets with batch norms over few samples are less kind. In ResNet50's first step some values in
// the last stage are so close to 0 that rounding decides whether ReLU passes them; one of them moves
// every gradient before it by 1 to 2 %. It is luck which engine meets which: the coarse rounding meets
// enough of them to tell how far luck goes. The forward pass is held to tight bounds all the same, by
// the loss and by the moving statistics.
//
// Adam's first steps make as much of a small gradient as of a large one: where that percent turns the
// sign of one value of 64, the update of its tensor differs by a quarter, or by nothing where it turns
// none. So Adam's moments, which have the gradient in them, are held against the oracle's, and the
// update against what Adam's formula makes of the engine's own moments, tightly. RMSprop's step has the sign
// of a gradient that no moment keeps: it is held against the oracle's, as SGD's is.
//
// In bfloat16 the oracle rounds where the Program does, to the same 8 bits. A value that differs in its
// last bit of single precision may then be rounded to the other side, as one in some thousands is, and
// differs by 2⁻⁸ of it. The coarse rounding turns over several times as many, so it tells of this too;
// what it may miss is bounded by about ten times what was measured on nets of dense layers. Adam's
// update from the engine's own moments is in single precision, and as tightly bounded.
//
// A framework's mixed precision rounds at points of its own: no last bit flips, other values are rounded.
// It is as right as the Program, and as far from it as both are from the truth. So what counts for it in
// the coarse rounding's place is what the Program's own rounding points do to the oracle. The moments of a
// bias in front of a batch norm, whose gradient the Program knows to be 0, then hold a sum of thousands of
// rounded gradients; as the norm takes the bias out again, only the bias itself is held in its place.

/// How much larger than the coarsely rounded oracle's a difference may be. Its luck is one draw or a few:
/// on ResNet50's last batch of 16 PyTorch's compiled step differs by 2.4 times as much in one of 267
/// tensors.
const NOISE: f64 = 4.0;
/// How many more draws are made before an engine is said to differ. Of two values that are all but equal,
/// a max-pool passes the other one in every second draw.
const DRAWS: u32 = 8;
/// What an update may differ by from what Adam's formula makes of the same moments.
const UPDATE_BOUND: f64 = 1e-4;

/// What may differ in any case.
struct Bounds {
    /// Of the loss, relative to it.
    loss: f64,
    /// Of the logits, relative to their norm.
    logits: f64,
    /// Of a change, relative to it: a gradient's share in a moment, a parameter's update.
    change: f64,
}

impl Bounds {
    fn of(precision: Precision) -> Self {
        match precision {
            Precision::Fp32 => Self {
                loss: 1e-6,
                logits: 1e-5,
                change: 1e-4,
            },
            Precision::Bf16 => Self {
                loss: 1e-4,
                logits: 1e-3,
                change: 5e-3,
            },
        }
    }
}

/// What storing a value in single precision may cost, relative to the value: half a unit in the
/// last place is 6·10⁻⁸.
const STORED_BOUND: f64 = 1e-7;

/// How many of an optimizer's longest steps a value may move that the oracle leaves as it is. The true
/// gradient of a bias in front of a batch norm is 0, and Adam makes a whole step of what rounding
/// leaves in its place, RMSprop in its first step 1/√(1−α) of them; the norm takes it out again.
const STILL_BOUND: f64 = 2.0;

/// What a session made of a step.
pub(super) enum Stepped {
    /// What the oracle makes of it.
    As {
        /// The state behind the step.
        state: State,
        /// Of the step's batch.
        score: Score,
    },
    /// Something that is not finite, as the oracle in single precision would.
    Diverged {
        /// The state behind the step.
        state: State,
        /// Of the step's batch.
        score: Score,
    },
    /// Something else, in words.
    Otherwise(String),
}

/// The step from `start` on this batch, which the oracle can do as the session rounds; `trained`: what its
/// training has made of it.
pub(super) fn step_of<'a>(
    session: &dyn Session,
    oracle: &Oracle,
    training: &'a TrainingStep,
    samples: &Dataset,
    start: &'a State,
    batch: &[u32],
    trained: Option<Exact>,
) -> Step<'a> {
    let elsewhere = rounds_elsewhere(session, oracle.precision);
    let workload = &oracle.workload;
    Step::new(
        workload, training, samples, start, batch, trained, elsewhere,
    )
}

/// Has a session, whose state is `start`, do a step, and compares it with the oracle's; also the
/// logits of test samples behind it, where that is asked for.
pub(super) fn step_on(
    session: &mut dyn Session,
    oracle: &Oracle,
    samples: &Dataset,
    step: &Step,
    truth: &Truth,
    batch: &[u32],
    with_logits: bool,
) -> Result<Stepped, EngineError> {
    let start = step.start;
    let score = session.train(batch, &Progress::new())?.score;
    let state = session.state()?;
    if let Some(what) = lacks(&state, start) {
        return Ok(Stepped::Otherwise(what));
    }
    if score.samples != batch.len() as u64 {
        let samples = score.samples;
        return Ok(Stepped::Otherwise(format!("{samples} samples are scored")));
    }
    let given = Made {
        loss: score.loss(),
        state,
    };
    match (given.not_finite(), truth.range) {
        (None, Range::Inside | Range::Near) => {}
        (None, Range::Outside) => {
            let what = "everything stays finite where the oracle diverges".into();
            return Ok(Stepped::Otherwise(what));
        }
        (Some(what), Range::Inside) => {
            return Ok(Stepped::Otherwise(format!("{what} is not finite")));
        }
        (Some(_), Range::Near | Range::Outside) => {
            let state = given.state;
            return Ok(Stepped::Diverged { state, score });
        }
    }
    let mut noise = Noise::none(&truth.exact);
    noise.add(&truth.exact, &truth.disturbed);
    let mut differs = step_differs(&given, truth, step, &noise, oracle);
    // Where it differs by more than that, it may have met another of the values that rounding decides
    // over: as many as other draws meet in the same place.
    for draw in 1..=DRAWS {
        if differs.is_none() || step.rounds_elsewhere {
            break;
        }
        oracle.budget.take_draw();
        noise.add(&truth.exact, &step.disturbed(draw));
        differs = step_differs(&given, truth, step, &noise, oracle);
    }
    if let Some(what) = differs {
        return Ok(Stepped::Otherwise(what));
    }
    let state = given.state;
    if with_logits && let Some(what) = logits_differ(session, oracle, samples, &state)? {
        return Ok(Stepped::Otherwise(what));
    }
    Ok(Stepped::As { state, score })
}

/// How far rounding may bring a step from the oracle's: as far as it brings the oracle itself.
struct Noise {
    loss: f64,
    /// Of each tensor of the state.
    tensors: Vec<f64>,
}

impl Noise {
    fn none(expected: &Made) -> Self {
        Self {
            loss: 0.0,
            tensors: vec![0.0; expected.state.tensors.len()],
        }
    }

    /// Takes another draw into account. One that is not finite, as may be where a training is about to
    /// diverge, tells nothing of how far another may be from the truth.
    fn add(&mut self, expected: &Made, disturbed: &Made) {
        let widen = |noise: &mut f64, difference: f64| {
            if difference.is_finite() {
                *noise = noise.max(difference);
            }
        };
        widen(&mut self.loss, (disturbed.loss - expected.loss).abs());
        let tensors = expected.state.tensors.iter().zip(&disturbed.state.tensors);
        for (noise, (expected, disturbed)) in self.tensors.iter_mut().zip(tensors) {
            widen(noise, distance(disturbed, expected));
        }
    }
}

/// What differs between a step and the oracle's, if anything does.
fn step_differs(
    given: &Made,
    truth: &Truth,
    step: &Step,
    noise: &Noise,
    oracle: &Oracle,
) -> Option<String> {
    let (expected, start) = (&truth.exact, step.start);
    let bounds = Bounds::of(oracle.precision);
    let difference = (given.loss - expected.loss).abs();
    let allowed = bounds.loss * expected.loss.abs().max(1.0) + NOISE * noise.loss;
    if exceeds(difference, allowed) {
        return Some(format!(
            "the loss differs by {difference:.1e} (bound {allowed:.0e})"
        ));
    }
    let program = &step.training.last;
    let still = without_gradient(program);
    let moments = moments(program);
    // By name: where the step began from the engine's own state, tensors are in the engine's order.
    let [before_by_name, stepped_by_name] = [start, &given.state].map(State::by_name);
    let mut tensors = expected.state.tensors.iter().zip(&noise.tensors);
    tensors.find_map(|(after, noise)| {
        let [before, stepped] = [&before_by_name, &stepped_by_name]
            .map(|state| *state.get(after.name.as_str()).expect("it lacks nothing"));
        let number = start.steps + 1;
        let rate_share = ops::rate_share(oracle.rate_schedule, number);
        if after.values == before.values || still.contains(&after.name.as_str()) {
            let is_moment = moments.contains_key(after.name.as_str());
            let is_free = step.rounds_elsewhere && is_moment;
            // The noise in a moment has no learning rate yet.
            let share = if is_moment { 1.0 } else { rate_share };
            return moves(stepped, after, &oracle.optimizer, share).filter(|_| !is_free);
        }
        match adam_step(
            &oracle.optimizer,
            (number, rate_share),
            &stepped_by_name,
            before,
        ) {
            Some(after) => change_differs(stepped, &after, before, UPDATE_BOUND, 0.0),
            None => change_differs(stepped, after, before, bounds.change, *noise),
        }
    })
}

/// The parameters whose gradient the Program knows to be 0, and their moments. An engine that does not
/// know it has noise in its moments, which its next step goes on from.
fn without_gradient(program: &Program) -> Vec<&str> {
    let zeros = program
        .operations
        .iter()
        .filter(|one| one.op.definition().makes_zeros());
    let parameters: Vec<TensorId> = zeros
        .filter_map(|one| match program.tensor(one.outputs[0]).role {
            Role::Gradient { of } => Some(of),
            _ => None,
        })
        .collect();
    let persistent = program.persistent();
    let still = persistent.filter(|(id, tensor)| match tensor.role {
        Role::Moment { of, .. } => parameters.contains(&of),
        _ => parameters.contains(id),
    });
    still.map(|(_, tensor)| tensor.name.as_str()).collect()
}

/// Whether the engine may differ from the oracle by what rounding elsewhere makes of a step.
fn rounds_elsewhere(session: &dyn Session, precision: Precision) -> bool {
    precision == Precision::Bf16 && session.rounds_elsewhere()
}

/// Holds a tensor in the place where the oracle has it, as far as rounding and the learning rate allow.
fn moves(
    given: &StateTensor,
    place: &StateTensor,
    optimizer: &Optimizer,
    rate_share: f64,
) -> Option<String> {
    let longest_step = match optimizer {
        Optimizer::RmsProp(RmsProp { alpha, .. }) => 1.0 / (1.0 - alpha).sqrt(),
        Optimizer::Adam(_) | Optimizer::AmsGrad(_) | Optimizer::AdamW(_) | Optimizer::Sgd(_) => 1.0,
    } * optimizer.learning_rate();
    let difference = distance(given, place);
    let allowed = STILL_BOUND * longest_step * rate_share * (place.values.len() as f64).sqrt();
    exceeds(difference, allowed).then(|| {
        format!(
            "{} moves by {difference:.1e}, and should not (bound {allowed:.0e})",
            place.name
        )
    })
}

/// What Adam, AMSGrad or AdamW makes of a parameter with the moments that the engine itself has behind the step, whose
/// learning rate is multiplied by `rate_share`; `None` for what is no parameter of theirs.
fn adam_step(
    optimizer: &Optimizer,
    (step, rate_share): (u64, f64),
    state: &HashMap<&str, &StateTensor>,
    before: &StateTensor,
) -> Option<StateTensor> {
    // Biases and the scales and shifts of norms are vectors.
    let decays = |weights_only: bool, weight_decay: f64| match weights_only {
        true if before.shape.len() == 1 => 0.0,
        _ => weight_decay,
    };
    let (adam, weight_decay) = match optimizer {
        Optimizer::Adam(adam) => (adam, 0.0),
        Optimizer::AmsGrad(op) => (
            &op.adam,
            decays(op.weights_only, op.weight_decay.unwrap_or(0.0)),
        ),
        Optimizer::AdamW(op) => (&op.adam, decays(op.weights_only, op.weight_decay)),
        Optimizer::Sgd(_) | Optimizer::RmsProp(_) => return None,
    };
    let moment =
        |which: MomentRole| state.get(format!("{}.{}", before.name, which.suffix()).as_str());
    let second = match optimizer {
        Optimizer::AmsGrad(_) => MomentRole::Largest,
        _ => MomentRole::Second,
    };
    let (m, v) = (moment(MomentRole::First)?, moment(second)?);
    let correction = |beta: f64| 1.0 - beta.powf(step as f64);
    let rate = adam.learning_rate * rate_share;
    let kept = 1.0 - rate * weight_decay;
    let root = correction(adam.beta2).sqrt();
    let epsilon = match adam.corrected_epsilon {
        true => root * adam.epsilon,
        false => adam.epsilon,
    };
    let rate = rate * root / correction(adam.beta1);
    let moments = m.values.iter().zip(&v.values);
    let values = before.values.iter().zip(moments);
    Some(StateTensor {
        values: values
            .map(|(w, (m, v))| kept * w - rate * m / (v.sqrt() + epsilon))
            .collect(),
        ..before.clone()
    })
}

/// Compares the change that a step made: the value itself hides it, a thousand times larger. `noise`
/// is what coarse rounding does to the oracle's.
fn change_differs(
    given: &StateTensor,
    after: &StateTensor,
    before: &StateTensor,
    bound: f64,
    noise: f64,
) -> Option<String> {
    let change = distance(after, before);
    let size = norm(after.values.iter().copied());
    let difference = distance(given, after);
    let allowed = bound * change + STORED_BOUND * size + NOISE * noise;
    exceeds(difference, allowed).then(|| {
        let relative = |value: f64| value / change.max(f64::MIN_POSITIVE);
        format!(
            "the update of {} differs by {:.1e} of it (bound {:.0e})",
            after.name,
            relative(difference),
            relative(allowed)
        )
    })
}

/// Compares the logits of test samples in evaluation mode, from the session's own state.
fn logits_differ(
    session: &mut dyn Session,
    oracle: &Oracle,
    samples: &Dataset,
    state: &State,
) -> Result<Option<String>, EngineError> {
    let bounds = Bounds::of(oracle.precision);
    let score = |mut reference: Reference| {
        reference.set_state(state);
        reference.step(&samples.test);
        let logits = reference.value(oracle.evaluation.logits);
        logits.unwrap_or_default()
    };
    let expected = score(Reference::of_program(&oracle.evaluation));
    let order: Vec<u32> = (0..samples.test.count() as u32).collect();
    let logits = session.logits(&order)?;
    if logits.len() != expected.len() {
        let count = logits.len();
        return Ok(Some(format!("evaluation gives {count} logits")));
    }
    let range = Limits::SINGLE.range(largest(&expected), 0.0);
    let is_finite = logits.iter().all(|logit| logit.is_finite());
    match (is_finite, range) {
        (true, Range::Inside | Range::Near) => {}
        (true, Range::Outside) => {
            return Ok(Some(
                "evaluation's logits stay finite where the oracle's do not".into(),
            ));
        }
        (false, Range::Inside) => return Ok(Some("evaluation's logits are not finite".into())),
        (false, Range::Near | Range::Outside) => return Ok(None),
    }
    let size = norm(expected.iter().copied()).max(1.0);
    let difference = norm(logits.iter().zip(&expected).map(|(a, b)| f64::from(*a) - b)) / size;
    let noise = match oracle.precision {
        Precision::Fp32 => 0.0,
        Precision::Bf16 => {
            let elsewhere = rounds_elsewhere(session, oracle.precision);
            let reference = Reference::of_program(&oracle.evaluation);
            let rounded = score(disturb(reference, elsewhere, 0));
            norm(rounded.iter().zip(&expected).map(|(a, b)| a - b)) / size
        }
    };
    let allowed = bounds.logits + NOISE * noise;
    Ok(exceeds(difference, allowed)
        .then(|| format!("evaluation's logits differ by {difference:.1e} (bound {allowed:.0e})")))
}
