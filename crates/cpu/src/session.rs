//! A compiled workload on CPU threads, with its state.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, atomic::AtomicU64},
};

use laptime_engine::{
    Device, DeviceKind, EngineError, EpochReport, Job, KernelTime, Profile, Progress, Score,
    Session, StepCosts,
    gate::{Trace, trace_schedule},
};
use laptime_graph::{
    InitialValues, Mode, Program, State, StateTensor, build,
    schedule::{Arena, Buffer, Layout, Schedule},
};
use laptime_workload::{Precision, epoch_order, memory};

use crate::{
    float_mode::flushing_to_zero,
    link::link,
    lower::{Target, lower},
    memory::{Floats, ThreadMemory},
    ops,
    runner::{Compiled, Log, Runner, TaskTimes},
    segments::check_zeros,
    simd::Isa,
    threads::Pool,
};

/// A workload compiled for CPU threads.
pub(crate) struct CpuSession {
    job: Job,
    device: Device,
    isa: Isa,
    pool: Pool,
    program: Program,
    schedule: Schedule,
    persistent: Floats,
    steps: u64,
    training: Vec<Compiled>,
    evaluation: Vec<Compiled>,
    profile: Option<TaskTimes>,
}

/// What a session's arenas take at the most: those that live within a step once for training and once,
/// of an evaluation or of a shorter last batch, again.
fn arena_bytes(schedule: &Schedule, threads: usize) -> u64 {
    let bytes = |arena| schedule.arena_bytes(arena) as u64;
    let of_threads = (threads as u64).saturating_mul(bytes(Arena::Thread));
    bytes(Arena::Persistent)
        .saturating_add(bytes(Arena::Step).saturating_mul(2))
        .saturating_add(of_threads.saturating_mul(2))
}

impl CpuSession {
    pub(crate) fn new(job: &Job, device: &Device, isa: Isa) -> Result<Self, EngineError> {
        job.check()?;
        let batch_size = job.workload.batch_size;
        let program = build(&job.workload, Mode::Training, batch_size);
        let schedule = lower(&program, Target { isa }, &job.passes);
        check_zeros(&schedule).map_err(EngineError::Unsupported)?;
        memory::check(arena_bytes(&schedule, job.threads)).map_err(|shortage| {
            EngineError::Unsupported(format!(
                "{} is too large to be trained here: with {} parameters in batches of {batch_size} on \
                 {} threads it {shortage}; make the model or the batch smaller, or allow more memory",
                job.workload.name,
                program.parameter_count(),
                job.threads,
            ))
        })?;
        let pool = Pool::new(job.threads)
            .map_err(|error| EngineError::Failed(format!("cannot start a thread: {error}")))?;
        let mut session = Self {
            job: job.clone(),
            device: device.clone(),
            isa,
            pool,
            persistent: Floats::zeroed(schedule.arena_bytes(Arena::Persistent)),
            training: Vec::new(),
            evaluation: Vec::new(),
            profile: None,
            program,
            schedule,
            steps: 0,
        };
        session.prepare(Mode::Training, batch_size.min(job.dataset.train.count()));
        session.prepare(Mode::Training, job.dataset.train.count() % batch_size);
        session.prepare(Mode::Evaluation, batch_size.min(job.dataset.test.count()));
        session.prepare(Mode::Evaluation, job.dataset.test.count() % batch_size);
        session.initialise();
        Ok(session)
    }

    /// Writes the initial weights; the arena is zero elsewhere. Every thread takes the next tensor that
    /// none has taken: each has a random stream of its own, so the values are the same.
    fn initialise(&mut self) {
        let buffers = self.schedule.buffers_by_tensor(&self.program);
        let mut rest = self.persistent.values_mut();
        let mut passed = 0;
        let mut work = Vec::new();
        for (number, (id, tensor)) in self.program.persistent().enumerate() {
            let buffer = buffers[id.0].expect("persistent tensors have buffers");
            let values = InitialValues::of(tensor, &self.job.workload, number);
            if matches!(values, InitialValues::Constant(0.0)) {
                continue;
            }
            // Persistent buffers lie in the order of the tensors.
            let (_, behind) = rest.split_at_mut(buffer.offset_bytes / 4 - passed);
            let (place, behind) = behind.split_at_mut(buffer.bytes / 4);
            (rest, passed) = (behind, (buffer.offset_bytes + buffer.bytes) / 4);
            work.push((place, buffer.layout, tensor.elements(), values));
        }
        let work = Mutex::new(work);
        let next = || work.lock().expect("no thread panicked").pop();
        self.pool.run(&|_, _| {
            while let Some((place, layout, elements, mut values)) = next() {
                layout.each_stored(elements, |_, stored| {
                    place[stored] = values.next().unwrap_or(0.0) as f32;
                });
            }
        });
    }

    /// Makes sure that batches of this size are compiled.
    fn prepare(&mut self, mode: Mode, batch_size: usize) {
        if batch_size == 0 || self.compiled(mode, batch_size).is_some() {
            return;
        }
        let program = build(&self.job.workload, mode, batch_size);
        let schedule = lower(&program, Target { isa: self.isa }, &self.job.passes);
        let known: HashMap<_, _> = places(&self.program, &self.schedule).collect();
        assert!(
            places(&program, &schedule).all(|(name, place)| known.get(name) == Some(&place)),
            "parameters have one place, whatever the batch size"
        );
        let linked = link(&program, &schedule);
        let threads = (0..self.pool.threads())
            .map(|_| ThreadMemory {
                arena: Floats::zeroed(linked.thread_bytes),
                scratch: Floats::zeroed(linked.scratch_bytes),
            })
            .collect();
        let compiled = Compiled {
            step: Floats::zeroed(linked.step_bytes),
            threads,
            linked,
        };
        match mode {
            Mode::Training => self.training.push(compiled),
            Mode::Evaluation => self.evaluation.push(compiled),
        }
    }

    fn compiled(&self, mode: Mode, batch_size: usize) -> Option<&Compiled> {
        let of_mode = match mode {
            Mode::Training => &self.training,
            Mode::Evaluation => &self.evaluation,
        };
        of_mode
            .iter()
            .find(|compiled| compiled.linked.batch_size == batch_size)
    }

    /// Runs the samples of `order` through the Programs of `mode`, batch by batch.
    fn epoch(&mut self, mode: Mode, order: &[u32], progress: &Progress) -> EpochReport {
        let before = match mode {
            Mode::Training => progress.score(),
            Mode::Evaluation => Score::default(),
        };
        if order.is_empty() {
            return EpochReport {
                score: before,
                step_s: Some(Vec::new()),
                not_finite: None,
            };
        }
        let batch_size = self.job.workload.batch_size;
        self.prepare(mode, batch_size.min(order.len()));
        self.prepare(mode, order.len() % batch_size);
        let batches: Vec<(&[u32], &Compiled)> = order
            .chunks(batch_size)
            .map(|batch| {
                (
                    batch,
                    self.compiled(mode, batch.len()).expect("it was prepared"),
                )
            })
            .collect();
        let samples = match mode {
            Mode::Training => &self.job.dataset.train,
            Mode::Evaluation => &self.job.dataset.test,
        };
        let runner = Runner {
            isa: self.isa,
            threads: self.pool.threads(),
            persistent: &self.persistent,
            samples,
            batches: &batches,
            first_number: self.steps + 1,
            workload: &self.job.workload,
            end: AtomicU64::new(batches.len() as u64),
            progress,
        };
        let whole = &batches[0].1.linked;
        let profiled = (self.job.profile && mode == Mode::Training).then(|| whole.tasks());
        let log = Mutex::new(Log::for_steps(before, batches.len(), profiled));
        self.pool.run(&|thread, barrier| {
            // Held by the first thread for as long as it runs: no one else wants it.
            let mut log = (thread == 0).then(|| log.lock().expect("no thread panicked"));
            let log = log.as_deref_mut();
            // SAFETY: `prepare` has compiled the batches from Schedules that `lower` has checked, has
            // seen that the persistent tensors lie in each as they do in `persistent`, and has made the
            // other arenas as large as each says; `Job::check` and `check_samples` have seen the
            // samples; the pool gives each of its threads one number, and its barrier waits for all.
            // The session is borrowed to change it, so nobody else has its arenas.
            flushing_to_zero(|| unsafe { runner.run(thread, || barrier.wait(), log) });
        });
        let log = log.into_inner().expect("no thread panicked");
        if mode == Mode::Training {
            self.steps += log.step_s.len() as u64;
            if let Some(times) = log.profile {
                self.profile = Some(times);
            }
        }
        EpochReport {
            score: log.tally.score,
            step_s: Some(log.step_s),
            not_finite: log.tally.not_finite,
        }
    }
}

impl Session for CpuSession {
    fn device(&self) -> &Device {
        &self.device
    }

    fn step_costs(&self) -> StepCosts {
        StepCosts {
            model_flops: self.program.model_flops(),
            executed_flops: Some(self.program.executed_flops(&self.schedule.simplifications)),
            parameters: self.program.parameter_count() as u64,
        }
    }

    fn details(&self) -> BTreeMap<String, String> {
        let mut operations = self.program.operations.iter();
        let has_kernel = operations.any(|own| ops::of(&own.op).has_bf16_kernel());
        let how = match self.job.workload.precision {
            Precision::Fp32 => return BTreeMap::new(),
            Precision::Bf16 if has_kernel && self.isa.has_bf16() => {
                "AVX512-BF16 in convolutions, emulated in dense layers"
            }
            Precision::Bf16 => "emulated in single precision",
        };
        BTreeMap::from([("bf16".into(), how.into())])
    }

    fn prepare_s(&self) -> f64 {
        0.0 // pixels are scaled where they are first read
    }

    fn profile(&mut self) -> Option<Profile> {
        let times = self.profile.as_ref()?;
        let kernels = self.schedule.stages.iter().flat_map(|stage| &stage.kernels);
        let kernels = kernels.zip(self.schedule.traffic());
        let kernels = kernels
            .zip(&times.tasks)
            .map(|((kernel, traffic), time)| KernelTime {
                kernel: kernel.name(&self.program),
                makes: kernel.makes(&self.program).into(),
                step_s: time.as_secs_f64() / times.steps as f64,
                flops: kernel.flops(&self.program, &self.schedule.simplifications),
                traffic,
            });
        Some(Profile {
            seen_by: DeviceKind::Cpu,
            kernels: kernels.collect(),
            waiting_step_s: times.waiting.as_secs_f64() / times.steps as f64,
        })
    }

    fn train(&mut self, order: &[u32], progress: &Progress) -> Result<EpochReport, EngineError> {
        check_samples(order, self.job.dataset.train.count(), "training")?;
        Ok(self.epoch(Mode::Training, order, progress))
    }

    fn evaluate(&mut self, progress: &Progress) -> Result<Score, EngineError> {
        let order = epoch_order(0, 0, self.job.dataset.test.count(), false);
        Ok(self.epoch(Mode::Evaluation, &order, progress).score)
    }

    fn logits(&mut self, samples: &[u32]) -> Result<Vec<f32>, EngineError> {
        check_samples(samples, self.job.dataset.test.count(), "test")?;
        let mut logits = Vec::new();
        for batch in samples.chunks(self.job.workload.batch_size) {
            self.epoch(Mode::Evaluation, batch, &Progress::new());
            let compiled = self
                .compiled(Mode::Evaluation, batch.len())
                .expect("it just ran");
            let stored = &compiled.linked.logits;
            let values = compiled.step.values();
            // `epoch` numbers its steps from the next training step on.
            let start = stored.matrix.place.index(self.steps as usize + 1);
            let size = stored.matrix.rows * stored.matrix.stride;
            for row in 0..stored.matrix.rows {
                for column in 0..stored.matrix.columns {
                    let at = start + row * stored.matrix.stride + column;
                    let parts = (0..stored.partials).map(|partial| values[at + partial * size]);
                    logits.push(parts.reduce(|sum, part| sum + part).unwrap_or(0.0));
                }
            }
        }
        Ok(logits)
    }

    fn state(&mut self) -> Result<State, EngineError> {
        let values = self.persistent.values();
        let buffers = self.schedule.buffers_by_tensor(&self.program);
        let tensors = self
            .program
            .persistent()
            .map(|(id, tensor)| {
                let buffer = buffers[id.0].expect("persistent tensors have buffers");
                let stored = &values[buffer.offset_bytes / 4..];
                let mut values = Vec::with_capacity(tensor.elements());
                buffer.layout.each_stored(tensor.elements(), |_, at| {
                    values.push(f64::from(stored[at]))
                });
                StateTensor {
                    name: tensor.name.clone(),
                    shape: tensor.shape.clone(),
                    values,
                }
            })
            .collect();
        Ok(State {
            steps: self.steps,
            tensors,
        })
    }

    fn trace_f64(&mut self, start: &State, order: &[u32]) -> Result<Trace, EngineError> {
        Ok(trace_schedule(
            &self.program,
            &self.schedule,
            &self.job.dataset,
            start,
            order,
        ))
    }

    fn set_state(&mut self, state: &State) -> Result<(), EngineError> {
        let given_by_name = state.by_name();
        let buffers = self.schedule.buffers_by_tensor(&self.program);
        for (id, tensor) in self.program.persistent() {
            let given = given_by_name
                .get(tensor.name.as_str())
                .filter(|given| given.shape == tensor.shape)
                .ok_or_else(|| {
                    let what = format!("the state has no {} of this model's shape", tensor.name);
                    EngineError::Unsupported(what)
                })?;
            let buffer = buffers[id.0].expect("persistent tensors have buffers");
            write(self.persistent.values_mut(), buffer, &given.values);
        }
        self.steps = state.steps;
        Ok(())
    }
}

/// Where each of the tensors that live across steps lies, by name.
fn places<'a>(
    program: &'a Program,
    schedule: &'a Schedule,
) -> impl Iterator<Item = (&'a str, Option<(Layout, usize)>)> {
    let buffers = schedule.buffers_by_tensor(program);
    program.persistent().map(move |(id, tensor)| {
        let place = buffers[id.0].map(|buffer| (buffer.layout, buffer.offset_bytes));
        (tensor.name.as_str(), place)
    })
}

/// Writes a tensor's values to where its buffer has them.
fn write(arena: &mut [f32], buffer: &Buffer, values: &[f64]) {
    let arena = &mut arena[buffer.offset_bytes / 4..];
    buffer.layout.each_stored(values.len(), |index, stored| {
        arena[stored] = values[index] as f32;
    });
}

fn check_samples(order: &[u32], count: usize, which: &str) -> Result<(), EngineError> {
    match order.iter().find(|&&sample| sample as usize >= count) {
        None => Ok(()),
        Some(sample) => Err(EngineError::Unsupported(format!(
            "sample {sample} was asked for, but there are only {count} {which} samples"
        ))),
    }
}
