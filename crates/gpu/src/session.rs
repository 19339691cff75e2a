//! A compiled workload on a graphics adapter, with its state.

use std::{cell::Cell, collections::BTreeMap};

use laptime_engine::{
    Device, DeviceKind, EngineError, EpochReport, Job, KernelTime, Profile, Progress, Score,
    Session, StepCosts,
    gate::{Trace, trace_schedule},
};
use laptime_graph::{
    Mode, Portion, Program, State, StateTensor, StepValues, TrainingStep,
    schedule::{Arena, Buffer, Schedule, Touch},
};
use laptime_workload::{Precision, Workload, epoch_order};

use crate::{
    compiled::{Compiled, Pipelines, Surroundings, chunks},
    context::Context,
    epoch::{Batch, SEGMENT_STEPS, Steps, TIMED_DISPATCHES, float},
    forecast::bytes,
    lower::lower,
    pace::Pace,
    samples::DeviceSamples,
    target::Matrices,
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
        let in_step = Portion::of(&job.workload, Mode::Training, job.workload.batch_size).count();
        if in_step > SEGMENT_STEPS {
            return Err(EngineError::Unsupported(format!(
                "--device gpu does at most {SEGMENT_STEPS} micro-batches a step, and micro_batch_size makes {in_step} \
                 of a batch: make it larger, or take --device cpu"
            )));
        }
        let batch_size = job.workload.batch_size;
        let (train, test) = (&job.dataset.train, &job.dataset.test);
        let samples = [
            DeviceSamples::new(&context, train, &job.workload, Mode::Training)?,
            DeviceSamples::new(&context, test, &job.workload, Mode::Evaluation)?,
        ];
        let most = train.count().max(test.count()).max(batch_size);
        let pipelines = Pipelines::new(&context);
        let steps = Steps::new(
            &context,
            &pipelines.step_layout,
            job.workload.loss.metrics().len(),
            most,
            job.workload.augment.is_some(),
            (most.div_ceil(batch_size) * in_step).max(most.div_ceil(job.workload.rows_at_once())),
            job.profile,
        )?;
        let training_step = TrainingStep::of(&job.workload, batch_size);
        let program = &training_step.last;
        let schedule =
            lower(program, context.target, &job.passes).map_err(EngineError::Unsupported)?;
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
        // First of all the Program that a whole step ends with, which has all that lives across steps.
        for portion in Portion::of(&job.workload, Mode::Training, batch_size).rev() {
            session.prepare(Mode::Training, portion)?;
        }
        session.prepare_all(Mode::Training, train.count())?;
        session.prepare_all(Mode::Evaluation, test.count())?;
        let tensors = State::start_tensors(program, &job.workload);
        for tensor in tensors {
            if tensor.values.iter().any(|value| *value != 0.0) {
                session.write(&tensor);
            }
        }
        session.context.queue.submit([]);
        session.context.wait(None)?;
        Ok(session)
    }

    /// The Program that a training step of a whole batch ends with.
    fn training(&self) -> &Compiled {
        &self.compiled[0]
    }

    /// The Programs of a training step of a whole batch, in their order, with how often each is done.
    fn of_step(&self) -> Vec<(&Compiled, usize)> {
        let batch_size = self.job.workload.batch_size;
        let portions = Portion::of(&self.job.workload, Mode::Training, batch_size);
        let mut all: Vec<(&Compiled, usize)> = Vec::new();
        for compiled in portions.filter_map(|portion| self.compiled(Mode::Training, portion)) {
            match all.last_mut() {
                Some((last, runs)) if std::ptr::eq(*last, compiled) => *runs += 1,
                _ => all.push((compiled, 1)),
            }
        }
        all
    }

    /// Makes sure that all is compiled that so many samples go through.
    fn prepare_all(&mut self, mode: Mode, samples: usize) -> Result<(), EngineError> {
        let batch_size = Portion::most_samples(&self.job.workload, mode);
        for samples in [batch_size.min(samples), samples % batch_size] {
            for portion in Portion::of(&self.job.workload, mode, samples) {
                self.prepare(mode, portion)?;
            }
        }
        Ok(())
    }

    /// Makes sure that this is compiled.
    fn prepare(&mut self, mode: Mode, portion: Portion) -> Result<(), EngineError> {
        if self.compiled(mode, portion).is_some() {
            return Ok(());
        }
        let step = self
            .compiled
            .first()
            .map(|first| first.step.clone())
            .unwrap_or_default();
        let program = portion.program(&self.job.workload, mode);
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

    fn compiled(&self, mode: Mode, portion: Portion) -> Option<&Compiled> {
        self.compiled.iter().find(|Compiled { program, .. }| {
            program.mode == mode
                && program.batch_size == portion.samples
                && program.micro_batch == portion.micro_batch
        })
    }

    /// Runs the samples of `order` through the Programs of `mode`, batch by batch, as far as there
    /// is no wish to stop; says how many steps that were.
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
        self.prepare_all(mode, order.len())?;
        let batch_size = Portion::most_samples(&self.job.workload, mode);
        // Of steps of one size alone can the times be added up.
        let of_step = self.of_step();
        let dispatches = of_step
            .iter()
            .map(|(one, runs)| runs * one.dispatch_count());
        let is_profiled = self.job.profile
            && mode == Mode::Training
            && self.context.tick_ns.is_some()
            && dispatches.sum::<usize>() <= TIMED_DISPATCHES;
        let profiled_at = |compiled: &Compiled, samples: usize| {
            let is_whole = samples == batch_size;
            let mut firsts = of_step.iter().scan(0, |first, (one, _)| {
                let own = *first;
                *first += one.dispatch_count();
                Some((*one, own))
            });
            let own = firsts.find(|(one, _)| std::ptr::eq(*one, compiled));
            own.filter(|_| is_profiled && is_whole)
                .map(|(_, first)| first)
        };
        let Workload { augment, seed, .. } = *self.job.workload;
        let augment = augment.filter(|_| mode == Mode::Training);
        let augment = augment.map(|augment| (augment, seed));
        let mut batches: Vec<Batch> = Vec::new();
        for (number, samples) in (self.done + 1..).zip(order.chunks(batch_size)) {
            for portion in Portion::of(&self.job.workload, mode, samples.len()) {
                let compiled = self.compiled(mode, portion).expect("it was prepared");
                batches.push(Batch {
                    samples: &samples[portion.first..][..portion.samples],
                    augment,
                    compiled,
                    values: StepValues::of(&self.job.workload, number),
                    first: portion.first,
                    ends_step: portion.ends_step(),
                    profiled_at: profiled_at(compiled, samples.len()),
                });
            }
        }
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
        let Compiled {
            program, schedule, ..
        } = self.training();
        let step = TrainingStep::of(&self.job.workload, self.job.workload.batch_size);
        StepCosts {
            model_flops: step.model_flops(),
            executed_flops: Some(step.executed_flops(&schedule.simplifications)),
            parameters: program.parameter_count() as u64,
        }
    }

    fn prepare_s(&self) -> f64 {
        0.0 // pixels are scaled where they are first read
    }

    fn details(&self) -> BTreeMap<String, String> {
        let mut details = BTreeMap::new();
        let mut tell = |name: &str, value: String| details.insert(name.into(), value);
        let of_step = self.of_step().into_iter();
        let dispatches: usize = of_step.map(|(one, runs)| runs * one.dispatch_count()).sum();
        tell("dispatches_per_step", dispatches.to_string());
        if self.job.workload.precision == Precision::Bf16 {
            let how = match self.context.target.matrices {
                Matrices::None => "in memory, fp32 arithmetic",
                _ => "large products by matrix units",
            };
            tell("bf16", how.into());
        }
        if let Some(step_s) = self.device_step_s {
            tell("device_step_s", step_s.to_string());
        }
        details
    }

    fn profile(&mut self) -> Option<Profile> {
        let times = self.steps.times.borrow();
        if times.steps == 0 {
            return None;
        }
        let of_a_step_s = |ns: f64| ns * 1e-9 / times.steps as f64;
        let kernels = self.of_step().into_iter().flat_map(|(compiled, runs)| {
            let Compiled {
                program, schedule, ..
            } = compiled;
            let kernels = schedule.stages.iter().flat_map(|stage| &stage.kernels);
            kernels.map(move |kernel| {
                // Nobody knows what a cache still has: all of it counts as memory's.
                let touch = Touch {
                    bytes: bytes(program, schedule, kernel),
                    distance_bytes: u64::MAX,
                };
                KernelTime {
                    kernel: kernel.name(program),
                    makes: kernel.makes(program).into(),
                    step_s: 0.0,
                    flops: runs as u64 * kernel.flops(program, &schedule.simplifications),
                    traffic: vec![touch; runs],
                }
            })
        });
        let kernels = kernels
            .zip(&times.dispatch_ns)
            .map(|(kernel, ns)| KernelTime {
                step_s: of_a_step_s(*ns),
                ..kernel
            });
        let kernels: Vec<KernelTime> = kernels.collect();
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
        for batch in samples.chunks(self.job.workload.rows_at_once()) {
            self.epoch(Mode::Evaluation, batch, &Progress::new())?;
            let compiled = self
                .compiled(Mode::Evaluation, Portion::whole(batch.len()))
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
        let step = TrainingStep::of(&self.job.workload, self.job.workload.batch_size);
        let schedules: Vec<&Schedule> = step
            .programs()
            .map(|(program, _)| {
                let mut compiled = self.compiled.iter();
                let same = compiled.find(|compiled| compiled.program == *program);
                &same.expect("a step's Programs are compiled").schedule
            })
            .collect();
        Ok(trace_schedule(
            &self.job.workload,
            &step,
            &schedules,
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
mod tests;
