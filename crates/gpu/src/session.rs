//! A compiled workload on a graphics adapter, with its state.

use std::{cell::Cell, collections::BTreeMap};

use laptime_engine::{
    Device, DeviceKind, EngineError, EpochReport, Job, KernelTime, Profile, Progress, Score,
    Session, StepCosts,
    gate::{Trace, trace_schedule},
};
use laptime_graph::{
    Mode, Program, State, StateTensor, StepValues, build,
    schedule::{Arena, Buffer, Touch},
};
use laptime_workload::epoch_order;

use crate::{
    compiled::{Compiled, Pipelines, Surroundings, chunks},
    context::Context,
    epoch::{Batch, Pace, Steps, TIMED_DISPATCHES, float},
    forecast::bytes,
    lower::lower,
    samples::DeviceSamples,
};

/// A workload compiled for a graphics adapter.
pub(crate) struct GpuSession {
    job: Job,
    device: Device,
    context: Context,
    pipelines: Pipelines,
    steps: Steps,
    samples: [DeviceSamples; 2],
    persistent: Vec<wgpu::Buffer>,
    compiled: Vec<Compiled>,
    /// Of training and of evaluation.
    paces: [Cell<Pace>; 2],
    done: u64,
    device_step_s: Option<f64>,
}

impl GpuSession {
    pub(crate) fn new(job: &Job, device: &Device, context: Context) -> Result<Self, EngineError> {
        job.check()?;
        let batch_size = job.workload.batch_size;
        let (train, test) = (&job.dataset.train, &job.dataset.test);
        let samples = [
            DeviceSamples::new(&context, train, &job.workload)?,
            DeviceSamples::new(&context, test, &job.workload)?,
        ];
        let most = train.count().max(test.count()).max(batch_size);
        let pipelines = Pipelines::new(&context);
        let steps = Steps::new(
            &context,
            &pipelines.step_layout,
            job.workload.loss.metrics().len(),
            most,
            most.div_ceil(batch_size),
            job.profile,
        )?;
        let program = build(&job.workload, Mode::Training, batch_size);
        let schedule =
            lower(&program, context.target, &job.passes).map_err(EngineError::Unsupported)?;
        let mut session = Self {
            job: job.clone(),
            device: device.clone(),
            persistent: chunks(&context, &schedule, Arena::Persistent, &[])?,
            pipelines,
            steps,
            samples,
            compiled: Vec::new(),
            paces: [Cell::new(Pace::UNKNOWN), Cell::new(Pace::UNKNOWN)],
            done: 0,
            device_step_s: None,
            context,
        };
        session.prepare(Mode::Training, batch_size)?;
        session.prepare(Mode::Training, train.count() % batch_size)?;
        session.prepare(Mode::Evaluation, batch_size.min(test.count()))?;
        session.prepare(Mode::Evaluation, test.count() % batch_size)?;
        let tensors = State::start_tensors(&program, &job.workload);
        for tensor in tensors {
            if tensor.values.iter().any(|value| *value != 0.0) {
                session.write(&tensor);
            }
        }
        session.context.queue.submit([]);
        session.context.wait(None)?;
        Ok(session)
    }

    /// The training Program of a whole batch.
    fn training(&self) -> &Compiled {
        &self.compiled[0]
    }

    /// Makes sure that batches of this size are compiled.
    fn prepare(&mut self, mode: Mode, batch_size: usize) -> Result<(), EngineError> {
        if batch_size == 0 || self.compiled(mode, batch_size).is_some() {
            return Ok(());
        }
        let step = self
            .compiled
            .first()
            .map(|first| first.step.clone())
            .unwrap_or_default();
        let program = build(&self.job.workload, mode, batch_size);
        let surroundings = Surroundings {
            samples: &self.samples[place_of(mode)],
            order: &self.steps.order,
            log: &self.steps.log,
            persistent: &self.persistent,
        };
        let compiled = Compiled::new(
            &self.context,
            &mut self.pipelines,
            program,
            &self.job.passes,
            &surroundings,
            &step,
        )?;
        self.compiled.push(compiled);
        Ok(())
    }

    fn compiled(&self, mode: Mode, batch_size: usize) -> Option<&Compiled> {
        self.compiled.iter().find(|compiled| {
            compiled.program.mode == mode && compiled.program.batch_size == batch_size
        })
    }

    /// Runs the samples of `order` through the Programs of `mode`, batch by batch, as far as there
    /// is no wish to stop; says how many batches that were.
    fn epoch(
        &mut self,
        mode: Mode,
        order: &[u32],
        progress: &Progress,
    ) -> Result<(EpochReport, usize), EngineError> {
        let count = self.samples[place_of(mode)].count;
        if let Some(sample) = order.iter().find(|&&sample| sample as usize >= count) {
            let which = if mode == Mode::Training {
                "training"
            } else {
                "test"
            };
            return Err(EngineError::Unsupported(format!(
                "sample {sample} was asked for, but there are only {count} {which} samples"
            )));
        }
        let batch_size = self.job.workload.batch_size;
        self.prepare(mode, batch_size.min(order.len()))?;
        self.prepare(mode, order.len() % batch_size)?;
        // Of one Program alone can the times be added up.
        let is_profiled = |compiled: &Compiled| {
            self.job.profile
                && self.context.tick_ns.is_some()
                && std::ptr::eq(compiled, self.training())
                && compiled.dispatch_count() <= TIMED_DISPATCHES
        };
        let batches: Vec<Batch> = (self.done + 1..)
            .zip(order.chunks(batch_size))
            .map(|(number, samples)| {
                let compiled = self.compiled(mode, samples.len()).expect("it was prepared");
                Batch {
                    samples,
                    compiled,
                    values: StepValues::of(&self.job.workload, number),
                    is_profiled: is_profiled(compiled),
                }
            })
            .collect();
        let before = match mode {
            Mode::Training => progress.score(),
            Mode::Evaluation => Score::default(),
        };
        let pace = &self.paces[place_of(mode)];
        self.steps
            .run(&self.context, &batches, before, progress, pace)
    }

    /// Writes a tensor's values to where its buffer has them.
    fn write(&self, tensor: &StateTensor) {
        let compiled = self.training();
        let Some(buffer) = buffer_of(compiled, &tensor.name) else {
            return;
        };
        let mut bytes = vec![0; buffer.bytes];
        for (index, value) in tensor.values.iter().enumerate() {
            let place = 4 * buffer.layout.stored_index(index);
            bytes[place..place + 4].copy_from_slice(&(*value as f32).to_le_bytes());
        }
        let chunk_bytes = self.context.target.chunk_bytes;
        self.context.queue.write_buffer(
            &self.persistent[buffer.offset_bytes / chunk_bytes],
            (buffer.offset_bytes % chunk_bytes) as u64,
            &bytes,
        );
    }

    /// A copy of so many bytes of a buffer on the device.
    fn read(
        &self,
        from: &wgpu::Buffer,
        offset: usize,
        bytes: usize,
    ) -> Result<Vec<u8>, EngineError> {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let back = self
            .context
            .buffer("a copy", bytes.next_multiple_of(8), usage)?;
        let mut encoder = self.context.encoder();
        encoder.copy_buffer_to_buffer(from, offset as u64, &back, 0, bytes as u64);
        self.context.queue.submit([encoder.finish()]);
        self.context.read(&back, bytes)
    }
}

impl Session for GpuSession {
    fn device(&self) -> &Device {
        &self.device
    }

    fn step_costs(&self) -> StepCosts {
        let program = &self.training().program;
        StepCosts {
            model_flops: program.model_flops(),
            executed_flops: Some(program.executed_flops(&self.training().schedule.simplifications)),
            parameters: program.parameter_count() as u64,
        }
    }

    fn prepare_s(&self) -> f64 {
        0.0 // pixels are scaled where they are first read
    }

    fn details(&self) -> BTreeMap<String, String> {
        let mut details = BTreeMap::new();
        let mut tell = |name: &str, value: String| details.insert(name.into(), value);
        tell(
            "dispatches_per_step",
            self.training().dispatch_count().to_string(),
        );
        if let Some(step_s) = self.device_step_s {
            tell("device_step_s", step_s.to_string());
        }
        details
    }

    fn profile(&mut self) -> Option<Profile> {
        let times = self.steps.times.borrow();
        let Compiled {
            program, schedule, ..
        } = self.training();
        if times.steps == 0 {
            return None;
        }
        let of_a_step_s = |ns: f64| ns * 1e-9 / times.steps as f64;
        let kernels = schedule.stages.iter().flat_map(|stage| &stage.kernels);
        let kernels: Vec<KernelTime> = kernels
            .zip(&times.dispatch_ns)
            .map(|(kernel, ns)| {
                KernelTime {
                    kernel: kernel.name(program),
                    makes: kernel.makes(program).into(),
                    step_s: of_a_step_s(*ns),
                    flops: kernel.flops(program, &schedule.simplifications),
                    // Nobody knows what a cache still has: all of it counts as memory's.
                    traffic: vec![Touch {
                        bytes: bytes(program, schedule, kernel),
                        distance_bytes: u64::MAX,
                    }],
                }
            })
            .collect();
        let kernels_s: f64 = kernels.iter().map(|kernel| kernel.step_s).sum();
        Some(Profile {
            seen_by: DeviceKind::Gpu,
            kernels,
            waiting_step_s: (of_a_step_s(times.total_ns) - kernels_s).max(0.0),
        })
    }

    fn train(&mut self, order: &[u32], progress: &Progress) -> Result<EpochReport, EngineError> {
        self.steps.times.take();
        let (report, steps) = self.epoch(Mode::Training, order, progress)?;
        self.done += steps as u64;
        if steps > 0 {
            self.device_step_s = report.step_s.as_ref().map(|step_s| {
                let total_s: f64 = step_s.iter().map(|s| f64::from(*s)).sum();
                total_s / steps as f64
            });
        }
        Ok(report)
    }

    fn evaluate(&mut self, progress: &Progress) -> Result<Score, EngineError> {
        let order = epoch_order(0, 0, self.job.dataset.test.count(), false);
        Ok(self.epoch(Mode::Evaluation, &order, progress)?.0.score)
    }

    fn logits(&mut self, samples: &[u32]) -> Result<Vec<f32>, EngineError> {
        let mut logits = Vec::new();
        for batch in samples.chunks(self.job.workload.batch_size) {
            self.epoch(Mode::Evaluation, batch, &Progress::new())?;
            let compiled = self
                .compiled(Mode::Evaluation, batch.len())
                .expect("it just ran");
            let id = compiled.program.logits;
            let buffer = compiled.schedule.buffer(id).expect("logits are kept");
            let chunk_bytes = self.context.target.chunk_bytes;
            let chunk = &compiled.step[buffer.offset_bytes / chunk_bytes];
            let bytes = self.read(chunk, buffer.offset_bytes % chunk_bytes, buffer.bytes)?;
            logits.extend(bytes.chunks_exact(4).map(float));
        }
        Ok(logits)
    }

    fn state(&mut self) -> Result<State, EngineError> {
        let chunks: Vec<Vec<u8>> = self
            .persistent
            .iter()
            .map(|chunk| self.read(chunk, 0, chunk.size() as usize))
            .collect::<Result<_, _>>()?;
        let compiled = self.training();
        let chunk_bytes = self.context.target.chunk_bytes;
        let tensors = compiled.program.persistent().map(|(id, tensor)| {
            let buffer = compiled
                .schedule
                .buffer(id)
                .expect("persistent tensors have buffers");
            let chunk = &chunks[buffer.offset_bytes / chunk_bytes];
            let values = &chunk[buffer.offset_bytes % chunk_bytes..];
            let value = |index| float(&values[4 * buffer.layout.stored_index(index)..]);
            StateTensor {
                name: tensor.name.clone(),
                shape: tensor.shape.clone(),
                values: (0..tensor.elements())
                    .map(|index| f64::from(value(index)))
                    .collect(),
            }
        });
        Ok(State {
            steps: self.done,
            tensors: tensors.collect(),
        })
    }

    fn trace_f64(&mut self, start: &State, order: &[u32]) -> Result<Trace, EngineError> {
        let Compiled {
            program, schedule, ..
        } = self.training();
        Ok(trace_schedule(
            program,
            schedule,
            &self.job.dataset,
            start,
            order,
        ))
    }

    fn set_state(&mut self, state: &State) -> Result<(), EngineError> {
        let given_by_name = state.by_name();
        for (_, tensor) in self.training().program.persistent() {
            let given = given_by_name
                .get(tensor.name.as_str())
                .copied()
                .filter(|given| given.shape == tensor.shape);
            let Some(given) = given else {
                let what = format!("the state has no {} of this model's shape", tensor.name);
                return Err(EngineError::Unsupported(what));
            };
            self.write(given);
        }
        self.context.queue.submit([]);
        self.context.wait(None)?;
        self.done = state.steps;
        Ok(())
    }
}

/// The place of what is kept once for training and once for evaluation.
fn place_of(mode: Mode) -> usize {
    match mode {
        Mode::Training => 0,
        Mode::Evaluation => 1,
    }
}

fn buffer_of<'a>(compiled: &'a Compiled, name: &str) -> Option<&'a Buffer> {
    let program: &Program = &compiled.program;
    let (id, _) = program
        .persistent()
        .find(|(_, tensor)| tensor.name == name)?;
    compiled.schedule.buffer(id)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, atomic::Ordering::Relaxed},
        time::Duration,
    };

    use laptime_engine::Passes;
    use laptime_workload::{Builtin, Overrides, dataset::synthetic};

    use super::*;
    use crate::{adapters::adapters, target::Target};

    /// A session on so many synthetic samples, and an order of all of them.
    fn session(samples: usize) -> Option<(GpuSession, Vec<u32>)> {
        let Some(found) = adapters().into_iter().next() else {
            eprintln!("skipped: no adapter");
            return None;
        };
        let builtin = Builtin::find("fashion-mnist").unwrap();
        let workload = builtin.spec().resolve(&Overrides::default()).unwrap();
        let job = Job {
            dataset: Arc::new(synthetic(workload.dataset.description(), samples, 50)),
            workload: Arc::new(workload),
            threads: 1,
            passes: Passes::All,
            profile: false,
        };
        let context = Context::open(&found, Target::MOST).unwrap();
        let session = GpuSession::new(&job, &found.device, context).unwrap();
        Some((session, (0..samples as u32).collect()))
    }

    #[test]
    fn a_step_makes_nothing_on_the_device_and_reads_nothing_back() {
        let Some((mut session, order)) = session(32 * 48) else {
            return;
        };
        // Segments of eight steps, however long a step takes.
        session.steps.steps = 8;
        session.steps.time = Duration::from_secs(1_000_000);
        let counts = |session: &GpuSession| {
            let Context { made, read, .. } = &session.context;
            (made.load(Relaxed), read.load(Relaxed))
        };
        let (made, read) = counts(&session);
        let report = session.train(&order, &Progress::new()).unwrap();
        assert_eq!(report.score.samples, 32 * 48);
        let (made_then, read_then) = counts(&session);
        assert_eq!(made_then, made);
        // For each segment the log, and the clock where there is one.
        let reads = 1 + u64::from(session.context.tick_ns.is_some());
        assert_eq!(read_then - read, 6 * reads);
    }

    #[test]
    fn a_device_that_is_lost_ends_the_training_with_an_error() {
        let Some((mut session, order)) = session(64) else {
            return;
        };
        session.train(&order, &Progress::new()).unwrap();
        session.context.make().destroy();
        let Err(EngineError::Failed(what)) = session.train(&order, &Progress::new()) else {
            panic!("it trained");
        };
        assert!(
            what.contains("was lost") && what.contains("--device cpu"),
            "{what}"
        );
    }

    #[test]
    fn an_epoch_in_parts_is_the_epoch_in_one_go_to_the_bit() {
        let (Some((mut one, order)), Some((mut parts, _))) =
            (session(32 * 20 + 7), session(32 * 20 + 7))
        else {
            return;
        };
        let whole = one.train(&order, &Progress::new()).unwrap();
        let progress = Progress::new();
        let mut step_s = 0;
        let mut score = Score::default();
        for part in [&order[..32 * 3], &order[32 * 3..32 * 19], &order[32 * 19..]] {
            let report = parts.train(part, &progress).unwrap();
            step_s += report.step_s.map_or(0, |step_s| step_s.len());
            score = report.score;
            // As a caller does that reads the score between two parts.
            progress.tell(score);
        }
        assert_eq!(score, whole.score);
        assert_eq!(score.samples, order.len() as u64);
        assert_eq!(step_s, whole.step_s.map_or(0, |step_s| step_s.len()));
        assert_eq!(parts.state().unwrap(), one.state().unwrap());
        assert_eq!(parts.state().unwrap().steps, 21);
    }
}
