//! The rules that are asked of a session, in their order.

use std::time::{Duration, Instant};

use laptime_engine::EngineError;
use laptime_graph::{Mode, State, build};
use laptime_workload::LayerKind;

use super::asked::{Asked, Checked, mean_loss, text};
use crate::{
    exchange::{StoredAs, read_state, write_order, write_state},
    protocol::{Command, Event},
    session::read_values,
};

/// How often the samples are gone through where the training is to be stopped: more often for a program that
/// is so fast that it may not have heard in time.
const LONG: [usize; 3] = [20, 200, 2000];
/// Who takes longer than this for a training must have heard of the wish to stop it.
const HEARD: Duration = Duration::from_secs(1);

/// A rule that is asked of a session.
pub(super) type Question = (&'static str, &'static str, fn(&mut Asked) -> Checked);

/// In this order: a later one may rely on what an earlier one did.
pub(super) const QUESTIONS: &[Question] = &[
    (
        "state of a new session",
        "`done`, and a file with the step 0, all parameters and statistics as in init.safetensors, and moments of 0",
        initial_state,
    ),
    (
        "logits",
        "`done`, and a file with a value for each sample and class, finite",
        logits,
    ),
    (
        "train",
        "`epoch` with the samples of the order, a loss, as many step times as steps or null; then a state so many \
         steps further",
        train,
    ),
    (
        "set_state",
        "`done`; then `state` gives the same values back, and training has the loss that it had from there",
        set_state,
    ),
    (
        "trace_f64",
        "`trace` with a loss for each step, the state behind them in the file, and the session's own state as before",
        trace_f64,
    ),
    (
        "evaluate",
        "`result` with as many samples as there are test samples, and a loss",
        evaluate,
    ),
    (
        "stop in a training",
        "`epoch`, ended behind a whole step and before the end of the order",
        stop,
    ),
    (
        "stop while nothing is trained",
        "nothing; the next command is done as usual",
        idle_stop,
    ),
    (
        DROPOUT,
        "`done`, and a file with rows × columns values, 0 or the scale; `done`",
        dropout,
    ),
];

pub(super) const DROPOUT: &str = "own_dropout and use_program_masks";

fn is_close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-3 * one.abs().max(1.0)
}

fn initial_state(asked: &mut Asked) -> Checked {
    let found = asked.state()?;
    let program = build(&asked.job.workload, Mode::Training, 1);
    let expected = State::start(&program, &asked.job.workload);
    match difference(&found, &expected) {
        None => Ok(()),
        Some(what) => Err(("{\"command\": \"state\", …}".into(), what)),
    }
}

/// Where two states differ, if they do.
fn difference(found: &State, expected: &State) -> Option<String> {
    if found.steps != expected.steps {
        return Some(format!(
            "{} steps instead of {}",
            found.steps, expected.steps
        ));
    }
    let by_name = found.by_name();
    let mut tensors = expected.tensors.iter();
    tensors.find_map(|expected| {
        let found = by_name.get(expected.name.as_str())?;
        let mut values = found.values.iter().zip(&expected.values);
        let (found, expected_value) = values.find(|(found, expected)| found != expected)?;
        let name = &expected.name;
        Some(format!(
            "{name} has {found:e} instead of {expected_value:e}"
        ))
    })
}

fn logits(asked: &mut Asked) -> Checked {
    let (samples, to) = (asked.path("order.u32"), asked.path("logits.f32"));
    let command = Command::Logits {
        samples: &samples,
        to: &to,
    };
    let wrong = |what: String| (text(&command), what);
    write_order(&samples, &[3, 1, 4]).map_err(|error| wrong(error.to_string()))?;
    asked.done(&command)?;
    let values = read_values(&to).map_err(|error| wrong(error.to_string()))?;
    let last = asked.job.workload.layers.last();
    let classes: usize = last.map_or(0, |last| last.output.iter().product());
    if values.len() != 3 * classes || !values.iter().all(|value| value.is_finite()) {
        let count = values.len();
        return Err(wrong(format!("{count} values instead of 3 × {classes}")));
    }
    Ok(())
}

fn train(asked: &mut Asked) -> Checked {
    let before = asked.state()?;
    asked.first_loss = asked.trained()?;
    let after = asked.state()?;
    let steps = asked.steps() as u64;
    let sent = || "{\"command\": \"train\", …}".to_owned();
    if after.steps != before.steps + steps {
        let what = format!("a state of step {} instead of {steps}", after.steps);
        return Err((sent(), what));
    }
    match after.tensors == before.tensors {
        true => Err((sent(), "the state that it had before".into())),
        false => Ok(()),
    }
}

fn set_state(asked: &mut Asked) -> Checked {
    let program = build(&asked.job.workload, Mode::Training, 1);
    let start = State::start(&program, &asked.job.workload);
    let path = asked.path("start.safetensors");
    let command = Command::SetState { state: &path };
    let wrong = |what: String| (text(&command), what);
    write_state(&path, &start, StoredAs::F32).map_err(|error| wrong(error.to_string()))?;
    asked.done(&command)?;
    if let Some(what) = difference(&asked.state()?, &start) {
        return Err(wrong(what));
    }
    let loss = asked.trained()?;
    match asked.first_loss.is_nan() || is_close(loss, asked.first_loss) {
        true => Ok(()),
        false => Err(wrong(format!(
            "a loss of {loss} instead of {}",
            asked.first_loss
        ))),
    }
}

fn trace_f64(asked: &mut Asked) -> Checked {
    let program = build(&asked.job.workload, Mode::Training, 1);
    let start = State::start(&program, &asked.job.workload);
    let before = asked.state()?;
    let batch_size = asked.job.workload.batch_size;
    let (state, order) = (asked.path("start.safetensors"), asked.path("order.u32"));
    let to = asked.path("trace.safetensors");
    let command = Command::TraceF64 {
        state: &state,
        order: &order,
        to: &to,
    };
    let wrong = |what: String| (text(&command), what);
    let whole = 2 * batch_size.min(asked.order.len() / 2);
    let written = write_state(&state, &start, StoredAs::F64)
        .and_then(|()| write_order(&order, &asked.order[..whole]));
    written.map_err(|error| wrong(error.to_string()))?;
    let event = asked.event(&command)?;
    let steps = whole.div_ceil(batch_size);
    match &event {
        Event::Trace { losses } if losses.len() == steps && losses.iter().all(Option::is_some) => {}
        other => return Err(wrong(format!("{other:?}"))),
    }
    let behind = read_state(&to).map_err(|error| wrong(error.to_string()))?;
    if behind.steps != steps as u64 {
        return Err(wrong(format!("a state of step {}", behind.steps)));
    }
    match difference(&asked.state()?, &before) {
        Some(what) => Err(wrong(format!(
            "the session's own state has changed: {what}"
        ))),
        None => Ok(()),
    }
}

fn evaluate(asked: &mut Asked) -> Checked {
    let event = asked.event(&Command::Evaluate)?;
    let samples = asked.job.dataset.test.count() as u64;
    match &event {
        Event::Result { score, .. } if score.samples == samples && mean_loss(*score).is_some() => {
            Ok(())
        }
        other => Err((text(&Command::Evaluate), format!("{other:?}"))),
    }
}

fn stop(asked: &mut Asked) -> Checked {
    let path = asked.path("order.u32");
    let command = Command::Train { order: &path };
    let sent = format!("{} {}", text(&command), text(&Command::Stop));
    let failed = |what: String| (sent.clone(), what);
    let batch_size = asked.job.workload.batch_size;
    let whole = asked.order.len() / batch_size * batch_size;
    for times in LONG {
        let long = asked.order[..whole].repeat(times);
        write_order(&path, &long).map_err(|error| failed(error.to_string()))?;
        let begin = Instant::now();
        let process = &mut asked.process;
        process
            .send(&command)
            .and_then(|()| process.send(&Command::Stop))
            .map_err(|error| failed(error.to_string()))?;
        let event = asked.end().map_err(|error| failed(error.to_string()))?;
        let samples = match &event {
            Event::Epoch { score, .. } if score.samples.is_multiple_of(batch_size as u64) => {
                score.samples
            }
            other => return Err(failed(format!("{other:?}"))),
        };
        if samples < long.len() as u64 {
            return Ok(());
        }
        if begin.elapsed() > HEARD {
            break;
        }
    }
    Err(failed("a training that went on to its end".into()))
}

fn idle_stop(asked: &mut Asked) -> Checked {
    let sent = text(&Command::Stop);
    let failed = |error: EngineError| (sent.clone(), error.to_string());
    asked.process.send(&Command::Stop).map_err(failed)?;
    asked.trained().map(|_| ())
}

fn dropout(asked: &mut Asked) -> Checked {
    let layers = &asked.job.workload.layers;
    let is_dropout = |kind: &LayerKind| matches!(kind, LayerKind::Dropout { .. });
    let Some(layer) = layers.iter().position(|layer| is_dropout(&layer.kind)) else {
        return Ok(());
    };
    let to = asked.path("dropout.f32");
    let (rows, columns) = (8, 16);
    let command = Command::OwnDropout {
        layer,
        step: 1,
        rows,
        columns,
        to: &to,
    };
    asked.done(&command)?;
    let values = read_values(&to).map_err(|error| (text(&command), error.to_string()))?;
    if values.len() != rows * columns {
        return Err((text(&command), format!("{} values", values.len())));
    }
    asked.done(&Command::UseProgramMasks)
}
