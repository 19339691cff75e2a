//! An engine of laptime without the arithmetic: messages, files, and what a workload asks for.
//!
//! A framework implements [`Net`] and calls [`run`]. `docs/engine-protocol.md` has the protocol.

mod files;
mod model;
mod samples;

use std::{
    fs,
    io::{self, BufRead, Write},
    path::Path,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};

pub use files::State;
pub use model::{Adam, Kind, Layer, Model};
pub use samples::{Batch, Values};
use samples::{Part, Samples};
use serde_json::{Value, json};

/// Why a command was not done.
pub struct Problem {
    message: String,
    /// Whether it is the workload that the engine cannot train.
    is_unsupported: bool,
}

impl Problem {
    /// What the engine does not have.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_unsupported: true,
        }
    }
}

impl<E: std::error::Error> From<E> for Problem {
    fn from(error: E) -> Self {
        Self {
            message: error.to_string(),
            is_unsupported: false,
        }
    }
}

/// A net that a framework trains.
pub trait Net: Sized {
    /// The name of the framework.
    const NAME: &str;
    /// Its version.
    const VERSION: &str;

    /// The net with these parameters and moments; in float64 where `is_wide`.
    fn new(model: &Model, state: &State, is_wide: bool) -> Result<Self, Problem>;

    /// One step of training: the logits before the update, row by row.
    fn step(&mut self, batch: &Batch) -> Result<Vec<f64>, Problem>;

    /// The logits of samples.
    fn logits(&self, batch: &Batch) -> Result<Vec<f64>, Problem>;

    /// Parameters and moments as they are now.
    fn state(&self) -> Result<State, Problem>;
}

/// Speaks with laptime until it is gone. `start` is told the number of threads before anything else happens.
pub fn run<N: Net>(start: impl FnOnce(usize)) {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |flag: &str| {
        let place = arguments.iter().position(|it| it == flag)?;
        arguments.get(place + 1)?.parse().ok()
    };
    let (Some(1), Some(threads)) = (after("--protocol"), after("--threads")) else {
        eprintln!("laptime starts this program: laptime run --engine {}", arguments[0]);
        process::exit(2);
    };
    start(threads);
    let cpu = json!({"kind": "cpu", "name": "cpu", "driver": null});
    tell(json!({
        "event": "hello", "protocol": 1, "name": N::NAME, "version": N::VERSION, "devices": [cpu],
    }));
    if let Err(problem) = Engine::<N>::listening().serve() {
        let Problem {
            message,
            is_unsupported,
        } = problem;
        tell(json!({"event": "error", "message": message, "is_unsupported": is_unsupported}));
        process::exit(1);
    }
}

fn tell(event: Value) {
    let mut out = io::stdout().lock();
    // Where nobody reads, standard input ends too.
    let _ = writeln!(out, "{event}").and_then(|()| out.flush());
}

struct Engine<N> {
    commands: mpsc::Receiver<Value>,
    is_stopped: Arc<AtomicBool>,
    job: Option<Job<N>>,
}

struct Job<N> {
    model: Model,
    samples: Samples,
    net: N,
}

impl<N: Net> Engine<N> {
    /// A thread reads commands, so that `stop` is heard while a net trains.
    fn listening() -> Self {
        let (sender, commands) = mpsc::channel();
        let is_stopped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_stopped);
        thread::spawn(move || {
            for line in io::stdin().lock().lines() {
                let Some(command) = line.ok().and_then(|it| serde_json::from_str::<Value>(&it).ok())
                else {
                    break;
                };
                let is_stop = command["command"] == "stop";
                // An earlier wish to stop was meant for a training that has ended.
                flag.store(is_stop, Ordering::Relaxed);
                if !is_stop && sender.send(command).is_err() {
                    break;
                }
            }
            process::exit(0); // laptime is gone: nobody waits for a result
        });
        Self {
            commands,
            is_stopped,
            job: None,
        }
    }

    fn serve(&mut self) -> Result<(), Problem> {
        while let Ok(command) = self.commands.recv() {
            let text = |key: &str| command[key].as_str().unwrap_or_default().to_owned();
            let path = |key: &str| text(key);
            let event = match command["command"].as_str() {
                Some("compile") => self.compile(path("folder").as_ref())?,
                Some("train") => self.train(path("order").as_ref())?,
                Some("evaluate") => self.evaluate()?,
                Some("logits") => self.logits(path("samples").as_ref(), path("to").as_ref())?,
                Some("state") => {
                    self.job()?.net.state()?.write(path("to").as_ref(), false)?;
                    json!({"event": "done"})
                }
                Some("set_state") => {
                    let state = State::read(path("state").as_ref())?;
                    let job = self.job()?;
                    job.net = N::new(&job.model, &state, false)?;
                    json!({"event": "done"})
                }
                Some("trace_f64") => {
                    let paths = [path("state"), path("order"), path("to")];
                    self.trace(paths.each_ref().map(Path::new))?
                }
                other => {
                    let name = other.unwrap_or("without a name");
                    return Err(io::Error::other(format!("no command {name}")).into());
                }
            };
            tell(event);
        }
        Ok(())
    }

    fn job(&mut self) -> Result<&mut Job<N>, Problem> {
        let missing = || io::Error::other("a command came before `compile`");
        Ok(self.job.as_mut().ok_or_else(missing)?)
    }

    fn compile(&mut self, folder: &Path) -> Result<Value, Problem> {
        let model = Model::read(&fs::read(folder.join("workload.json"))?)?;
        let start = Instant::now();
        let samples = Samples::read(folder, &model)?;
        let prepare_s = start.elapsed().as_secs_f64();
        let state = State::initial(&folder.join("init.safetensors"))?;
        let mut net = N::new(&model, &state, false)?;
        // Threads start, and memory is there, before anything is timed.
        let count = model.batch_size.min(samples.count(Part::Train)) as u32;
        net.step(&samples.batch(Part::Train, &Vec::from_iter(0..count), false))?;
        net = N::new(&model, &state, false)?;
        self.job = Some(Job {
            model,
            samples,
            net,
        });
        Ok(json!({"event": "ready", "prepare_s": prepare_s}))
    }

    fn train(&mut self, order: &Path) -> Result<Value, Problem> {
        let order = files::numbers(order)?;
        let is_stopped = Arc::clone(&self.is_stopped);
        let job = self.job()?;
        let mut sum = Sum::default();
        let mut step_s = Vec::new();
        let mut told = Instant::now();
        for numbers in order.chunks(job.model.batch_size) {
            if is_stopped.load(Ordering::Relaxed) {
                break;
            }
            let start = Instant::now();
            let batch = job.samples.batch(Part::Train, numbers, false);
            sum.add(&job.net.step(&batch)?, &batch);
            step_s.push(start.elapsed().as_secs_f64());
            if told.elapsed().as_millis() >= 200 {
                told = Instant::now();
                tell(sum.event("step"));
            }
        }
        let mut event = sum.event("epoch");
        event["step_s"] = json!(step_s);
        Ok(event)
    }

    fn evaluate(&mut self) -> Result<Value, Problem> {
        let job = self.job()?;
        let mut sum = Sum::default();
        let all = Vec::from_iter(0..job.samples.count(Part::Test) as u32);
        for numbers in all.chunks(EVALUATED_AT_ONCE) {
            let batch = job.samples.batch(Part::Test, numbers, false);
            sum.add(&job.net.logits(&batch)?, &batch);
        }
        Ok(sum.event("result"))
    }

    fn logits(&mut self, samples: &Path, to: &Path) -> Result<Value, Problem> {
        let numbers = files::numbers(samples)?;
        let job = self.job()?;
        let mut bytes = Vec::new();
        for numbers in numbers.chunks(EVALUATED_AT_ONCE) {
            let batch = job.samples.batch(Part::Test, numbers, false);
            let logits = job.net.logits(&batch)?;
            bytes.extend(logits.iter().flat_map(|it| (*it as f32).to_le_bytes()));
        }
        fs::write(to, bytes)?;
        Ok(json!({"event": "done"}))
    }

    fn trace(&mut self, [state, order, to]: [&Path; 3]) -> Result<Value, Problem> {
        let (state, order) = (State::read(state)?, files::numbers(order)?);
        let job = self.job()?;
        let mut net = N::new(&job.model, &state, true)?;
        let mut losses = Vec::new();
        for numbers in order.chunks(job.model.batch_size) {
            let batch = job.samples.batch(Part::Train, numbers, true);
            let mut sum = Sum::default();
            sum.add(&net.step(&batch)?, &batch);
            losses.push(finite(sum.loss_sum / numbers.len() as f64));
        }
        net.state()?.write(to, true)?;
        Ok(json!({"event": "trace", "losses": losses}))
    }
}

/// Samples of one evaluation.
const EVALUATED_AT_ONCE: usize = 1000;

/// JSON has no word for what is not finite.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[derive(Default)]
struct Sum {
    samples: usize,
    loss_sum: f64,
    correct: usize,
}

impl Sum {
    fn add(&mut self, logits: &[f64], batch: &Batch) {
        for (row, label) in logits.chunks_exact(batch.classes).zip(&batch.labels) {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = row.iter().map(|it| (it - largest).exp()).sum();
            self.loss_sum += total.ln() + largest - row[*label];
            self.correct += usize::from(row.iter().position(|it| *it == largest) == Some(*label));
            self.samples += 1;
        }
    }

    fn event(&self, name: &str) -> Value {
        json!({
            "event": name, "samples": self.samples, "loss_sum": finite(self.loss_sum), "correct": self.correct,
        })
    }
}
