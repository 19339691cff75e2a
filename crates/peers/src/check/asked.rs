//! A program that is being asked.

use std::path::PathBuf;

use laptime_engine::{EngineError, Job};
use laptime_graph::{Mode, State, build};
use serde_json::to_string;

use crate::{
    exchange::{read_state, write_order},
    process::PeerProcess,
    program::ProgramEngine,
    protocol::{Command, DeviceReport, Event, ScoreReport},
    session::PeerSession,
};

/// What a rule came to: what was sent where it was broken, and what was found.
pub(super) type Checked = Result<(), (String, String)>;

/// A program that is being asked, with the job that it was given.
pub(super) struct Asked<'a> {
    pub(super) process: PeerProcess,
    pub(super) job: &'a Job,
    /// The samples of all steps, and the loss that training on them had.
    pub(super) order: Vec<u32>,
    pub(super) first_loss: f64,
}

/// Starts the program and gives it the job; otherwise whether it is the job that failed, what was sent, and
/// what came.
pub(super) fn begin<'a>(
    engine: &ProgramEngine,
    job: &'a Job,
) -> Result<Asked<'a>, (bool, String, String)> {
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
    let compiled = |error: EngineError| {
        let mut found = error.to_string();
        if matches!(error, EngineError::Unsupported(_)) {
            // It is right to say so, but nothing else can be asked then.
            found += "\nname a workload that it trains, behind the program";
        }
        (true, sent.clone(), found)
    };
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

pub(super) fn text(command: &Command) -> String {
    to_string(command).unwrap_or_default()
}

impl Asked<'_> {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.process.path(name)
    }

    pub(super) fn steps(&self) -> usize {
        self.order.len().div_ceil(self.job.workload.batch_size)
    }

    /// Sends a command and waits for what ends it.
    pub(super) fn event(&mut self, command: &Command) -> Result<Event, (String, String)> {
        let sent = text(command);
        let failed = |error: EngineError| (sent.clone(), error.to_string());
        self.process.send(command).map_err(failed)?;
        self.end().map_err(failed)
    }

    /// The event that ends a command.
    pub(super) fn end(&mut self) -> Result<Event, EngineError> {
        loop {
            match self.process.wait()? {
                Event::Step(_) => {}
                event => return Ok(event),
            }
        }
    }

    pub(super) fn done(&mut self, command: &Command) -> Checked {
        match self.event(command)? {
            Event::Done => Ok(()),
            other => Err((text(command), format!("{other:?}"))),
        }
    }

    pub(super) fn state(&mut self) -> Result<State, (String, String)> {
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
        let is_known = |name: &str| program.persistent().any(|(_, it)| it.name == name);
        if let Some(other) = read.tensors.iter().find(|it| !is_known(&it.name)) {
            let what = format!("{}, which is no tensor of the state", other.name);
            return Err((text(&command), what));
        }
        Ok(read)
    }

    /// Trains on the whole order; the mean loss.
    pub(super) fn trained(&mut self) -> Result<f64, (String, String)> {
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

pub(super) fn mean_loss(score: ScoreReport) -> Option<f64> {
    let loss = score.loss_sum? / score.samples as f64;
    (loss.is_finite() && score.correct <= score.samples).then_some(loss)
}
