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
    InitialValues, Mode, Portion, Program, State, StateTensor, TrainingStep,
    schedule::{Arena, Buffer, Layout, Schedule},
};
use laptime_workload::{Moved, Precision, Workload, epoch_order, memory};

use crate::{
    float_mode::flushing_to_zero,
    link::link,
    lower::{Target, lower},
    memory::{Floats, ThreadMemory, arena_bytes},
    ops,
    runner::{Batch, Compiled, Log, Runner, TaskTimes},
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
    /// That of a whole batch.
    training_step: TrainingStep,
    /// Those of its Programs.
    schedules: Vec<Schedule>,
    persistent: Floats,
    steps: u64,
    training: Vec<Compiled>,
    evaluation: Vec<Compiled>,
    profile: Option<TaskTimes>,
}

impl CpuSession {
    pub(crate) fn new(
        job: &Job,
        device: &Device,
        isa: Isa,
        processors: &[usize],
    ) -> Result<Self, EngineError> {
        job.check()?;
        let batch_size = job.workload.batch_size;
        let training_step = TrainingStep::of(&job.workload, batch_size);
        let programs = training_step.programs();
        let schedules: Vec<Schedule> = programs
            .map(|(program, _)| {
                let threads = job.threads;
                lower(program, Target { isa, threads }, &job.passes)
            })
            .collect();
        for schedule in &schedules {
            check_zeros(schedule).map_err(EngineError::Unsupported)?;
        }
        memory::check(arena_bytes(&schedules, job.threads)).map_err(|shortage| {
            EngineError::Unsupported(format!(
                "{} is too large to be trained here: with {} parameters in batches of {batch_size} on \
                 {} threads it {shortage}; make the model or the batch smaller, or allow more memory",
                job.workload.name,
                training_step.last.parameter_count(),
                job.threads,
            ))
        })?;
        let persistent = schedules
            .last()
            .map_or(0, |it| it.arena_bytes(Arena::Persistent));
        let pool = Pool::within(job.threads, processors)
            .map_err(|error| EngineError::Failed(format!("cannot start a thread: {error}")))?;
        let mut session = Self {
            job: job.clone(),
            device: device.clone(),
            isa,
            pool,
            persistent: Floats::zeroed(persistent),
            training: Vec::new(),
            evaluation: Vec::new(),
            profile: None,
            training_step,
            schedules,
            steps: 0,
        };
        let samples = job.workload.epoch_samples(job.dataset.train.count());
        session.prepare_all(Mode::Training, samples);
        session.prepare_all(Mode::Evaluation, job.dataset.test.count());
        session.initialise();
        Ok(session)
    }

    /// The Program that a step of a whole batch ends with, and its Schedule: they have all that lives across steps.
    fn ending(&self) -> (&Program, &Schedule) {
        let schedule = self.schedules.last().expect("a step has a Program");
        (&self.training_step.last, schedule)
    }

    /// Writes the initial weights; the arena is zero elsewhere. Every thread takes the next tensor that
    /// none has taken: each has a random stream of its own, so the values are the same.
    fn initialise(&mut self) {
        let program = &self.training_step.last;
        let schedule = self.schedules.last().expect("a step has a Program");
        let buffers = schedule.buffers_by_tensor(program);
        let mut rest = self.persistent.values_mut();
        let mut passed = 0;
        let mut work = Vec::new();
        for (number, (id, tensor)) in program.persistent().enumerate() {
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

    /// Makes sure that all is compiled that so many samples go through.
    fn prepare_all(&mut self, mode: Mode, samples: usize) {
        let batch_size = Portion::most_samples(&self.job.workload, mode);
        for samples in [batch_size.min(samples), samples % batch_size] {
            for portion in Portion::of(&self.job.workload, mode, samples) {
                self.prepare(mode, portion);
            }
        }
    }

    /// Makes sure that this is compiled.
    fn prepare(&mut self, mode: Mode, portion: Portion) {
        if self.compiled(mode, portion).is_some() {
            return;
        }
        let program = portion.program(&self.job.workload, mode);
        let target = Target {
            isa: self.isa,
            threads: self.pool.threads(),
        };
        let schedule = lower(&program, target, &self.job.passes);
        let (whole, of_whole) = self.ending();
        let known: HashMap<_, _> = places(whole, of_whole).collect();
        assert!(
            places(&program, &schedule).all(|(name, place)| known.get(name) == Some(&place)),
            "parameters have one place, whatever the batch size"
        );
        let linked = link(&program, &schedule);
        let threads = (0..self.pool.threads())
            .map(|_| ThreadMemory {
                arena: Floats::zeroed_for_thread(linked.thread_bytes),
                scratch: Floats::zeroed_for_thread(linked.scratch_bytes),
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

    fn compiled(&self, mode: Mode, portion: Portion) -> Option<&Compiled> {
        let of_mode = match mode {
            Mode::Training => &self.training,
            Mode::Evaluation => &self.evaluation,
        };
        of_mode.iter().find(|compiled| {
            let linked = &compiled.linked;
            linked.batch_size == portion.samples && linked.micro_batch == portion.micro_batch
        })
    }

    /// How each of these samples is augmented, where that is asked for; drawn before the steps begin.
    fn moves(&self, mode: Mode, order: &[u32]) -> Vec<Moved> {
        let Workload {
            augment,
            seed,
            batch_size,
            ..
        } = *self.job.workload;
        let (Mode::Training, Some(augment)) = (mode, augment) else {
            return Vec::new();
        };
        let steps = (self.steps + 1..).zip(order.chunks(batch_size));
        let mut moves = Vec::with_capacity(order.len());
        for (step, samples) in steps {
            let samples = samples.iter();
            moves.extend(samples.map(|sample| augment.moved(seed, step, *sample)));
        }
        moves
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
        self.prepare_all(mode, order.len());
        let batch_size = Portion::most_samples(&self.job.workload, mode);
        let is_profiled = self.job.profile && mode == Mode::Training;
        let whole = batch_size.min(order.len());
        let steps = order.len().div_ceil(batch_size);
        let in_step = batch_size.div_ceil(self.job.workload.rows_at_once());
        let moves = self.moves(mode, order);
        let mut batches: Vec<Batch> = Vec::with_capacity(steps * in_step);
        // The tasks of the Programs of a whole batch, one after the other.
        let mut tasks = 0;
        for (step, samples) in (self.steps + 1..).zip(order.chunks(batch_size)) {
            let mut known: Option<(&Compiled, usize)> = None;
            for portion in Portion::of(&self.job.workload, mode, samples.len()) {
                let compiled = self.compiled(mode, portion).expect("it was prepared");
                let first_task = match known {
                    Some((last, first)) if std::ptr::eq(last, compiled) => first,
                    Some((last, first)) => first + last.linked.tasks(),
                    None => 0,
                };
                known = Some((compiled, first_task));
                tasks = tasks.max(first_task + compiled.linked.tasks());
                let place = (step - self.steps - 1) as usize * batch_size + portion.first;
                batches.push(Batch {
                    samples: &samples[portion.first..][..portion.samples],
                    moves: moves.get(place..place + portion.samples).unwrap_or(&[]),
                    compiled,
                    step,
                    first: portion.first,
                    ends_step: portion.ends_step(),
                    first_task: (is_profiled && samples.len() == whole).then_some(first_task),
                });
            }
        }
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
        let profiled = is_profiled.then_some(tasks);
        let log = Mutex::new(Log::for_steps(before, steps, profiled));
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
            model_flops: self.training_step.model_flops(),
            executed_flops: Some(
                self.training_step
                    .executed_flops(&self.ending().1.simplifications),
            ),
            parameters: self.training_step.last.parameter_count() as u64,
        }
    }

    fn details(&self) -> BTreeMap<String, String> {
        let mut operations = self.training_step.last.operations.iter();
        let has_kernel = operations.any(|own| ops::of(&own.op).has_bf16_kernel());
        let bf16 = match self.job.workload.precision {
            Precision::Fp32 => None,
            Precision::Bf16 if has_kernel && self.isa.has_bf16() => {
                Some("AVX512-BF16 in convolutions, emulated in dense layers")
            }
            Precision::Bf16 => Some("emulated in single precision"),
        };
        let all = [
            ("bf16", bf16.map(Into::into)),
            ("processors", self.pool.processors()),
        ];
        let told = |(name, what): (&str, Option<String>)| Some((name.to_owned(), what?));
        all.into_iter().filter_map(told).collect()
    }

    fn prepare_s(&self) -> f64 {
        0.0 // pixels are scaled where they are first read
    }

    fn profile(&mut self) -> Option<Profile> {
        let times = self.profile.as_ref()?;
        let programs = self.training_step.programs().zip(&self.schedules);
        let kernels = programs.flat_map(|((program, runs), schedule)| {
            let kernels = schedule.stages.iter().flat_map(|stage| &stage.kernels);
            kernels
                .zip(schedule.traffic())
                .map(move |(kernel, traffic)| {
                    let flops = kernel.flops(program, &schedule.simplifications);
                    KernelTime {
                        kernel: kernel.name(program),
                        makes: kernel.makes(program).into(),
                        step_s: 0.0,
                        flops: flops * runs as u64,
                        traffic: traffic.repeat(runs),
                    }
                })
        });
        let kernels = kernels.zip(&times.tasks).map(|(kernel, time)| KernelTime {
            step_s: time.as_secs_f64() / times.steps as f64,
            ..kernel
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
        for batch in samples.chunks(self.job.workload.rows_at_once()) {
            self.epoch(Mode::Evaluation, batch, &Progress::new());
            let compiled = self
                .compiled(Mode::Evaluation, Portion::whole(batch.len()))
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
        let (program, schedule) = self.ending();
        let buffers = schedule.buffers_by_tensor(program);
        let tensors = program
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
            &self.job.workload,
            &self.training_step,
            &self.schedules.iter().collect::<Vec<_>>(),
            &self.job.dataset,
            start,
            order,
        ))
    }

    fn set_state(&mut self, state: &State) -> Result<(), EngineError> {
        let given_by_name = state.by_name();
        let program = &self.training_step.last;
        let schedule = self.schedules.last().expect("a step has a Program");
        let buffers = schedule.buffers_by_tensor(program);
        for (id, tensor) in program.persistent() {
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

/// Where each of the tensors that live longer than a Program lies, by name.
fn places<'a>(
    program: &'a Program,
    schedule: &'a Schedule,
) -> impl Iterator<Item = (&'a str, Option<(Layout, usize)>)> {
    let buffers = schedule.buffers_by_tensor(program);
    program.kept().map(move |(id, tensor)| {
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
