//! Does a program follow the engine protocol? A small job goes through all of its messages; each rule is
//! passed or failed with what was sent, expected and found. Whether it does the same training is the gate's to
//! say.

use std::{path::PathBuf, time::Duration};

use laptime_engine::{EngineError, Job};
use laptime_graph::{Mode, State, build};
use laptime_workload::LayerKind;
use serde_json::to_string;

use crate::{
    exchange::{StoredAs, read_state, write_order, write_state},
    process::PeerProcess,
    program::ProgramEngine,
    protocol::{Command, DeviceReport, Event, ScoreReport},
    session::{PeerSession, read_values},
};

/// How long a program may take to end behind its input.
const END: Duration = Duration::from_secs(10);
/// How often the samples are gone through where the training is to be stopped.
const LONG: usize = 200;

/// One rule of the protocol, and whether it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What it is about.
    pub name: &'static str,
    /// What it asks.
    pub expected: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was kept.
    Passed,
    /// It was not.
    Failed {
        /// The command.
        sent: String,
        /// What came instead.
        found: String,
    },
    /// One before it failed, and there is no session to ask.
    NotReached,
}

impl Rule {
    /// Whether it was kept.
    pub fn is_kept(&self) -> bool {
        self.outcome == Outcome::Passed
    }
}

/// What a rule came to: what was sent where it was broken, and what was found.
type Checked = Result<(), (String, String)>;
/// A rule that is asked of a session.
type Question = (&'static str, &'static str, fn(&mut Asked) -> Checked);

/// In this order: a later one may rely on what an earlier one did.
const QUESTIONS: &[Question] = &[
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
        "`epoch`, ended behind a whole step",
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

const DROPOUT: &str = "own_dropout and use_program_masks";
const HELLO: (&str, &str) = (
    "hello",
    "`hello` with the protocol's version, a name, a version and at least one device",
);
const COMPILE: (&str, &str) = ("compile", "`ready` with seconds of preparation");
const UNKNOWN: (&str, &str) = ("an unknown command", "`error` with a message, and the end");
const END_OF_INPUT: (&str, &str) = (
    "the end of the input",
    "the process ends by itself within 10 s",
);

/// A program that is being asked, with the job that it was given.
struct Asked<'a> {
    process: PeerProcess,
    job: &'a Job,
    /// The samples of all steps, and the loss that training on them had.
    order: Vec<u32>,
    first_loss: f64,
}

/// Goes through all rules with a small job, which has a few whole batches and one that is shorter.
pub fn check(engine: &ProgramEngine, job: &Job) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut note = |(name, expected), outcome| {
        rules.push(Rule {
            name,
            expected,
            outcome,
        });
    };
    // Of a net without dropout, nobody is asked about it.
    let asked_of = |(name, ..): &&Question| *name != DROPOUT || has_dropout(job);
    let questions = QUESTIONS.iter().filter(asked_of);
    let mut asked = match begin(engine, job) {
        Ok(asked) => {
            note(HELLO, Outcome::Passed);
            note(COMPILE, Outcome::Passed);
            Some(asked)
        }
        Err((is_compiling, sent, found)) => {
            let failed = Outcome::Failed { sent, found };
            if is_compiling {
                note(HELLO, Outcome::Passed);
                note(COMPILE, failed);
            } else {
                note(HELLO, failed);
                note(COMPILE, Outcome::NotReached);
            }
            None
        }
    };
    for (name, expected, question) in questions {
        let outcome = match &mut asked {
            None => Outcome::NotReached,
            Some(session) => match question(session) {
                Ok(()) => Outcome::Passed,
                Err((sent, found)) => {
                    // Whatever it has said out of turn would be taken for the next answer.
                    asked = begin(engine, job).ok();
                    Outcome::Failed { sent, found }
                }
            },
        };
        note((name, expected), outcome);
    }
    note(UNKNOWN, ends(engine, unknown_command));
    note(END_OF_INPUT, ends(engine, end_of_input));
    rules
}

fn has_dropout(job: &Job) -> bool {
    let mut layers = job.workload.layers.iter();
    layers.any(|layer| matches!(layer.kind, LayerKind::Dropout { .. }))
}

/// Starts the program and gives it the job; otherwise whether it is the job that failed, what was sent, and
/// what came.
fn begin<'a>(engine: &ProgramEngine, job: &'a Job) -> Result<Asked<'a>, (bool, String, String)> {
    let start = |error: EngineError| (false, "nothing yet".to_owned(), error.to_string());
    let mut process = engine.start(job.threads).map_err(start)?;
    let introduction = engine.hello(&mut process).map_err(start)?;
    let device = DeviceReport {
        index: 0,
        ..introduction.description.devices[0].clone()
    };
    let folder = PeerSession::write_job(&process, job).map_err(start)?;
    let command = Command::Compile {
        folder: &folder,
        device: &device,
        variant: "",
    };
    let sent = text(&command);
    let compiled = |error: EngineError| (true, sent.clone(), error.to_string());
    process.send(&command).map_err(compiled)?;
    match process.wait().map_err(compiled)? {
        Event::Ready { prepare_s, .. } if prepare_s >= 0.0 && prepare_s.is_finite() => {}
        other => return Err((true, sent, format!("{other:?}"))),
    }
    let batch_size = job.workload.batch_size;
    let samples = job.dataset.train.count() as u32;
    debug_assert!(samples as usize > batch_size);
    Ok(Asked {
        process,
        job,
        // Not as they lie.
        order: (0..samples).rev().collect(),
        first_loss: f64::NAN,
    })
}

fn text(command: &Command) -> String {
    to_string(command).unwrap_or_default()
}

impl Asked<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.process.path(name)
    }

    fn steps(&self) -> usize {
        self.order.len().div_ceil(self.job.workload.batch_size)
    }

    /// Sends a command and waits for what ends it.
    fn event(&mut self, command: &Command) -> Result<Event, (String, String)> {
        let sent = text(command);
        let failed = |error: EngineError| (sent.clone(), error.to_string());
        self.process.send(command).map_err(failed)?;
        loop {
            match self.process.wait().map_err(failed)? {
                Event::Step(_) => {}
                event => return Ok(event),
            }
        }
    }

    fn done(&mut self, command: &Command) -> Checked {
        match self.event(command)? {
            Event::Done => Ok(()),
            other => Err((text(command), format!("{other:?}"))),
        }
    }

    fn state(&mut self) -> Result<State, (String, String)> {
        let to = self.path("state.safetensors");
        let command = Command::State { to: &to };
        self.done(&command)?;
        let read = read_state(&to).map_err(|error| (text(&command), error.to_string()))?;
        // A moment of another optimizer, or a counter, would come back in the gate as well.
        let program = build(&self.job.workload, Mode::Training, 1);
        let by_name = read.by_name();
        for (_, tensor) in program.persistent() {
            let found = by_name.get(tensor.name.as_str()).map(|found| &found.shape);
            if found != Some(&tensor.shape) {
                let found = found.map_or("is missing".into(), |shape| format!("has {shape:?}"));
                let what = format!("{} of {:?} {found}", tensor.name, tensor.shape);
                return Err((text(&command), what));
            }
        }
        if read.tensors.len() != program.persistent().count() {
            let what = format!("{} tensors are too many", read.tensors.len());
            return Err((text(&command), what));
        }
        Ok(read)
    }

    /// Trains on the whole order; the mean loss.
    fn trained(&mut self) -> Result<f64, (String, String)> {
        let path = self.path("order.u32");
        let command = Command::Train { order: &path };
        let wrong = |what: String| Err((text(&command), what));
        write_order(&path, &self.order).map_err(|error| (text(&command), error.to_string()))?;
        let event = self.event(&command)?;
        let Event::Epoch { score, step_s, .. } = &event else {
            return wrong(format!("{event:?}"));
        };
        let times = step_s.as_ref().map_or(self.steps(), Vec::len);
        if score.samples != self.order.len() as u64 || times != self.steps() {
            return wrong(format!("{event:?}"));
        }
        match mean_loss(*score) {
            Some(loss) => Ok(loss),
            None => wrong(format!("{event:?}")),
        }
    }
}

fn mean_loss(score: ScoreReport) -> Option<f64> {
    let loss = score.loss_sum? / score.samples as f64;
    (loss.is_finite() && score.correct <= score.samples).then_some(loss)
}

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
    let long = asked.order[..whole].repeat(LONG);
    write_order(&path, &long).map_err(|error| failed(error.to_string()))?;
    let process = &mut asked.process;
    process
        .send(&command)
        .and_then(|()| process.send(&Command::Stop))
        .map_err(|error| failed(error.to_string()))?;
    let event = loop {
        match asked.process.wait() {
            Ok(Event::Step(_)) => {}
            Ok(event) => break event,
            Err(error) => return Err(failed(error.to_string())),
        }
    };
    match &event {
        Event::Epoch { score, .. }
            if score.samples.is_multiple_of(batch_size as u64)
                && score.samples <= long.len() as u64 =>
        {
            Ok(())
        }
        other => Err(failed(format!("{other:?}"))),
    }
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

/// A rule about a process of its own.
fn ends(engine: &ProgramEngine, rule: fn(PeerProcess) -> Checked) -> Outcome {
    let mut process = match engine.start(1) {
        Ok(process) => process,
        Err(_) => return Outcome::NotReached,
    };
    if engine.hello(&mut process).is_err() {
        return Outcome::NotReached;
    }
    match rule(process) {
        Ok(()) => Outcome::Passed,
        Err((sent, found)) => Outcome::Failed { sent, found },
    }
}

fn unknown_command(mut process: PeerProcess) -> Checked {
    let sent = text(&Command::Nonsense);
    let found = match process.send(&Command::Nonsense) {
        Ok(()) => process.wait_raw(),
        Err(error) => Err(error),
    };
    match found {
        Ok(Event::Error { message, .. }) if !message.is_empty() => {}
        Ok(other) => return Err((sent, format!("{other:?}"))),
        Err(error) => return Err((sent, error.to_string())),
    }
    match process.ends_with_input(END) {
        true => Ok(()),
        false => Err((sent, "the process goes on".into())),
    }
}

fn end_of_input(process: PeerProcess) -> Checked {
    match process.ends_with_input(END) {
        true => Ok(()),
        false => Err(("nothing, and closed the input".into(), "it goes on".into())),
    }
}
