//! A workload that a peer trains.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use laptime_engine::{
    Device, DeviceKind, EngineError, EpochReport, Job, Progress, Score, Session, StepCosts, Tally,
    gate::Trace,
};
use laptime_graph::{Mode, State, build};
use laptime_workload::{LayerKind, Shown};

use crate::{
    exchange::{ExchangeError, StoredAs, read_state, write_job, write_order, write_state},
    process::PeerProcess,
    protocol::{Command, DeviceReport, Event},
};

/// How often the wish to stop is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What was decided and what passed before a peer could begin to compile.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ready {
    /// The way to train that the adapter is to take.
    pub(crate) variant: String,
    /// What a trial found, where there was one.
    pub(crate) trial: Option<String>,
    /// The seconds until the framework was imported.
    pub(crate) start_s: f64,
    /// The seconds that deciding took.
    pub(crate) trial_s: f64,
}

/// A workload that a peer trains, in its process.
pub(crate) struct PeerSession {
    process: PeerProcess,
    device: Device,
    costs: StepCosts,
    ready: Ready,
    prepare_s: f64,
    details: BTreeMap<String, String>,
    peak_memory_bytes: Option<u64>,
    has_dropout: bool,
}

impl PeerSession {
    /// Adapters and programs get the samples as they are stored.
    ///
    /// # Errors
    /// Where the job has images augmented.
    pub(crate) fn check_is_plain(engine: &str, job: &Job) -> Result<(), EngineError> {
        if job.workload.augment.is_none() {
            return Ok(());
        }
        Err(EngineError::Unsupported(format!(
            "--engine {engine} does not augment images as laptime does: leave [augment] out, or take another engine"
        )))
    }

    /// Writes the job to the peer's folder.
    pub(crate) fn write_job(process: &PeerProcess, job: &Job) -> Result<PathBuf, EngineError> {
        let folder = process.path("job");
        // What lives across steps of an evaluation are the parameters and statistics alone.
        let program = build(&job.workload, Mode::Evaluation, job.workload.batch_size);
        let initial = State::start(&program, &job.workload);
        write_job(&folder, &job.workload, &job.dataset, &initial.tensors, &[]).map_err(failed)?;
        Ok(folder)
    }

    /// The ways that the adapter knows to train a job.
    pub(crate) fn variants(
        process: &mut PeerProcess,
        folder: &Path,
        device: &DeviceReport,
    ) -> Result<Vec<String>, EngineError> {
        process.send(&Command::Variants { folder, device })?;
        match process.wait()? {
            Event::Variants { names } => Ok(names),
            other => Err(process.unexpected(&other)),
        }
    }

    pub(crate) fn compile(
        mut process: PeerProcess,
        folder: &Path,
        job: &Job,
        device: &Device,
        report: &DeviceReport,
        ready: Ready,
    ) -> Result<Self, EngineError> {
        process.send(&Command::Compile {
            folder,
            device: report,
            variant: &ready.variant,
        })?;
        let (prepare_s, mut details) = match process.wait()? {
            Event::Ready { prepare_s, details } => (prepare_s, details),
            other => return Err(process.unexpected(&other)),
        };
        if !ready.variant.is_empty() {
            details.insert("variant".into(), ready.variant.clone());
        }
        details.extend(ready.trial.clone().map(|text| ("trial".into(), text)));
        let program = build(&job.workload, Mode::Training, job.workload.batch_size);
        Ok(Self {
            process,
            device: Device {
                threads: (device.kind == DeviceKind::Cpu).then_some(job.threads),
                ..device.clone()
            },
            costs: StepCosts {
                model_flops: program.model_flops(),
                executed_flops: None,
                parameters: program.parameter_count() as u64,
            },
            ready,
            prepare_s,
            details,
            peak_memory_bytes: None,
            has_dropout: (job.workload.layers.iter())
                .any(|layer| matches!(layer.kind, LayerKind::Dropout { .. })),
        })
    }

    /// Sends a command and waits for the score that ends it, which is added to the one `before`.
    fn score(
        &mut self,
        command: &Command,
        before: Score,
        progress: &Progress,
    ) -> Result<EpochReport, EngineError> {
        self.process.send(command)?;
        let mut tally = Tally::from(before);
        let mut heard = Instant::now();
        loop {
            let event = self.process.poll(LOOK, heard)?;
            if event.is_some() {
                heard = Instant::now();
            }
            let (score, step_s, peak_memory_bytes) = match event {
                Some(Event::Epoch {
                    score,
                    step_s,
                    peak_memory_bytes,
                }) => (score, step_s, peak_memory_bytes),
                Some(Event::Result {
                    score,
                    peak_memory_bytes,
                }) => (score, None, peak_memory_bytes),
                Some(Event::Step(score)) => {
                    tally.reach(before + score.into());
                    progress.tell(tally.score);
                    continue;
                }
                // Again and again: a wish that came before the training began was not meant for it.
                None if progress.is_stopped() => {
                    self.process.send(&Command::Stop)?;
                    continue;
                }
                None => continue,
                Some(other) => return Err(self.process.unexpected(&other)),
            };
            self.peak_memory_bytes = peak_memory_bytes.or(self.peak_memory_bytes);
            tally.reach(before + score.into());
            progress.tell(tally.score);
            return Ok(EpochReport {
                score: tally.score,
                step_s,
                not_finite: tally.not_finite,
            });
        }
    }

    fn write_order(&self, order: &[u32]) -> Result<PathBuf, EngineError> {
        let path = self.process.path("order.u32");
        write_order(&path, order).map_err(failed)?;
        Ok(path)
    }
}

impl Session for PeerSession {
    fn device(&self) -> &Device {
        &self.device
    }

    fn step_costs(&self) -> StepCosts {
        self.costs
    }

    fn start_s(&self) -> f64 {
        self.ready.start_s
    }

    fn trial_s(&self) -> f64 {
        self.ready.trial_s
    }

    fn prepare_s(&self) -> f64 {
        self.prepare_s
    }

    fn details(&self) -> BTreeMap<String, String> {
        self.details.clone()
    }

    fn rounds_elsewhere(&self) -> bool {
        true
    }

    fn peak_memory_bytes(&self) -> Option<u64> {
        self.peak_memory_bytes
    }

    fn train(&mut self, order: &[u32], progress: &Progress) -> Result<EpochReport, EngineError> {
        let order = self.write_order(order)?;
        self.score(
            &Command::Train { order: &order },
            progress.score(),
            progress,
        )
    }

    fn evaluate(&mut self, progress: &Progress) -> Result<Score, EngineError> {
        Ok(self
            .score(&Command::Evaluate, Score::default(), progress)?
            .score)
    }

    fn logits(&mut self, samples: &[u32]) -> Result<Vec<f32>, EngineError> {
        let (samples, to) = (self.write_order(samples)?, self.process.path("logits.f32"));
        self.process.send(&Command::Logits {
            samples: &samples,
            to: &to,
        })?;
        self.process.wait_done()?;
        read_values(&to)
    }

    fn draws_own_masks(&self) -> bool {
        self.has_dropout
    }

    fn own_dropout(
        &mut self,
        layer: usize,
        step: u64,
        [rows, columns]: [usize; 2],
    ) -> Result<Vec<f32>, EngineError> {
        let to = self.process.path("dropout.f32");
        self.process.send(&Command::OwnDropout {
            layer,
            step,
            rows,
            columns,
            to: &to,
        })?;
        self.process.wait_done()?;
        read_values(&to)
    }

    fn use_program_masks(&mut self) -> Result<(), EngineError> {
        self.process.send(&Command::UseProgramMasks)?;
        self.process.wait_done()
    }

    fn state(&mut self) -> Result<State, EngineError> {
        let to = self.process.path("state.safetensors");
        self.process.send(&Command::State { to: &to })?;
        self.process.wait_done()?;
        read_state(&to).map_err(failed)
    }

    fn set_state(&mut self, state: &State) -> Result<(), EngineError> {
        let path = self.process.path("state.safetensors");
        write_state(&path, state, StoredAs::F32).map_err(failed)?;
        self.process.send(&Command::SetState { state: &path })?;
        self.process.wait_done()
    }

    fn trace_f64(&mut self, start: &State, order: &[u32]) -> Result<Trace, EngineError> {
        let order = self.write_order(order)?;
        let path = self.process.path("start.safetensors");
        let to = self.process.path("state.safetensors");
        write_state(&path, start, StoredAs::F64).map_err(failed)?;
        self.process.send(&Command::TraceF64 {
            state: &path,
            order: &order,
            to: &to,
        })?;
        let losses = match self.process.wait()? {
            Event::Trace { losses } => losses,
            other => return Err(self.process.unexpected(&other)),
        };
        Ok(Trace {
            losses: losses
                .into_iter()
                .map(|loss| loss.unwrap_or(f64::NAN))
                .collect(),
            state: read_state(&to).map_err(failed)?,
        })
    }
}

/// The `f32` in a file that a peer wrote.
pub(crate) fn read_values(path: &Path) -> Result<Vec<f32>, EngineError> {
    let bytes =
        fs::read(path).map_err(|error| EngineError::Failed(format!("{}: {error}", Shown(path))))?;
    let (values, _) = bytes.as_chunks();
    Ok(values
        .iter()
        .map(|value| f32::from_le_bytes(*value))
        .collect())
}

fn failed(error: ExchangeError) -> EngineError {
    EngineError::Failed(error.to_string())
}
