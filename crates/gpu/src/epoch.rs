//! The loop over steps: many are encoded into one submission, and the next one is encoded while
//! the last ones run. A step makes nothing on the device and reads nothing back.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    ops::Range,
    time::{Duration, Instant},
};

use laptime_engine::{EngineError, EpochReport, Progress, Score, Tally};
use laptime_graph::StepValues;
use laptime_workload::{Augment, MOST_METRICS};

use crate::{compiled::Compiled, context::Context, pace::Pace, shader::word_of};

/// What should pass between two looks at the log: the eye wants no more.
const SEGMENT: Duration = Duration::from_secs(1);

/// Submissions under way while the next is encoded.
const IN_FLIGHT: usize = 2;

/// Batches of a segment at most: a set of queries has 4096, and a timed pass needs two.
pub(crate) const SEGMENT_STEPS: usize = 2048;

/// The most dispatches of a step that can be timed one by one.
pub(crate) const TIMED_DISPATCHES: usize = SEGMENT_STEPS;

/// What a step's numbers take in their buffer: dynamic offsets are multiples of this on every
/// adapter.
const STEP_BYTES: usize = 256;

/// What of that is bound: the numbers of [`Steps::write`], and up to a multiple of 16.
const NUMBERS_BYTES: u64 = 32;

/// The buffers that belong to no Program: what tells a step apart from the others.
pub(crate) struct Steps {
    pub order: wgpu::Buffer,
    pub log: wgpu::Buffer,
    pub group: wgpu::BindGroup,
    numbers: wgpu::Buffer,
    log_back: wgpu::Buffer,
    clock: Option<Clock>,
    /// The numbers of a step in the log: a sum for each metric.
    metrics: usize,
    /// Samples, steps and time of a segment at most.
    samples: usize,
    pub steps: usize,
    pub time: Duration,
    /// Of the steps whose dispatches are timed one by one.
    pub times: RefCell<DispatchTimes>,
}

/// What the dispatches of steps took, added up.
#[derive(Debug, Default)]
pub(crate) struct DispatchTimes {
    pub steps: usize,
    /// From the first dispatch's begin to the last one's end.
    pub total_ns: f64,
    /// By dispatch, in the order of a step's Programs: of one that is done for several micro-batches, all of them.
    pub dispatch_ns: Vec<f64>,
}

struct Clock {
    /// Passes that it can time before it is read.
    passes: usize,
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    back: wgpu::Buffer,
    tick_ns: f64,
}

/// A batch, which is a step or one of its micro-batches: so many samples from this place in the order, and the Program
/// of its size.
pub(crate) struct Batch<'a> {
    pub samples: &'a [u32],
    /// How its images are augmented, with the seed of the draws.
    pub augment: Option<(Augment, u64)>,
    pub compiled: &'a Compiled,
    pub values: StepValues,
    /// The place of its first sample in the step.
    pub first: usize,
    pub ends_step: bool,
    /// Where each of its dispatches is timed, and not all as one: the place of the first among those of a step's
    /// Programs.
    pub profiled_at: Option<usize>,
}

impl Batch<'_> {
    /// The passes that it is encoded as, each of which is timed.
    fn passes(&self) -> usize {
        if self.profiled_at.is_some() {
            self.compiled.dispatch_count()
        } else {
            1
        }
    }
}

impl Steps {
    /// For segments of up to so many samples, augmented or not, and steps, each of which logs so many metrics. With
    /// `profile` there is a clock for each dispatch.
    pub(crate) fn new(
        context: &Context,
        layout: &wgpu::BindGroupLayout,
        metrics: usize,
        samples: usize,
        is_augmented: bool,
        steps: usize,
        profile: bool,
    ) -> Result<Self, EngineError> {
        use wgpu::BufferUsages as Usage;
        let steps = steps.clamp(1, SEGMENT_STEPS);
        let words = samples * if is_augmented { 2 } else { 1 };
        let order = context.buffer("the order", 4 * words, Usage::STORAGE | Usage::COPY_DST)?;
        let log_bytes = 4 * metrics * steps;
        let log = context.buffer("the log", log_bytes, Usage::STORAGE | Usage::COPY_SRC)?;
        let log_back = context.buffer("the log", log_bytes, Usage::MAP_READ | Usage::COPY_DST)?;
        let numbers = context.buffer(
            "the steps' numbers",
            STEP_BYTES * steps,
            Usage::UNIFORM | Usage::COPY_DST,
        )?;
        let group = context
            .make()
            .create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("step"),
                layout,
                entries: &[wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: &numbers,
                        offset: 0,
                        size: std::num::NonZero::new(NUMBERS_BYTES),
                    }),
                }],
            });
        let clock = match context.tick_ns {
            None => None,
            Some(tick_ns) => {
                let passes = if profile { SEGMENT_STEPS } else { steps };
                let count = 2 * passes;
                let queries = context.guarded("a clock", || {
                    context.make().create_query_set(&wgpu::QuerySetDescriptor {
                        label: Some("clock"),
                        ty: wgpu::QueryType::Timestamp,
                        count: count as u32,
                    })
                })?;
                let resolved =
                    context.buffer("a clock", 8 * count, Usage::QUERY_RESOLVE | Usage::COPY_SRC)?;
                let back =
                    context.buffer("a clock", 8 * count, Usage::MAP_READ | Usage::COPY_DST)?;
                Some(Clock {
                    passes,
                    queries,
                    resolved,
                    back,
                    tick_ns,
                })
            }
        };
        Ok(Self {
            order,
            log,
            group,
            numbers,
            log_back,
            clock,
            metrics,
            samples,
            steps,
            time: SEGMENT,
            times: RefCell::default(),
        })
    }

    /// Runs the batches of steps until all are done or there is a wish to stop; at least one step is done. The score
    /// goes on from `score`, and each step's is added by itself, so that an epoch in parts has the
    /// same sums as one in one go. Says how many steps were done.
    pub(crate) fn run(
        &self,
        context: &Context,
        batches: &[Batch],
        score: Score,
        progress: &Progress,
        pace: &Cell<Pace>,
    ) -> Result<(EpochReport, usize), EngineError> {
        let mut tally = Tally::from(score);
        let mut step_s = self
            .clock
            .as_ref()
            .map(|_| Vec::with_capacity(batches.len()));
        let mut done = 0;
        while done < batches.len() {
            let mut learnt = pace.get();
            let segment = self.segment(&batches[done..], learnt.segment);
            let start = Instant::now();
            let count = self.submit(context, segment, progress, &mut learnt)?;
            let took = start.elapsed();
            self.read_log(context, &segment[..count], &mut tally)?;
            self.read_clock(context, &segment[..count], step_s.as_mut())?;
            progress.tell(tally.score);
            done += count;
            learnt.segment = ((count as f64 * self.time.as_secs_f64()
                / took.as_secs_f64().max(1e-6)) as usize)
                .max(1);
            pace.set(learnt);
            if count < segment.len() || progress.is_stopped() {
                break;
            }
        }
        let report = EpochReport {
            score: tally.score,
            step_s,
            not_finite: tally.not_finite,
        };
        let steps = batches[..done].iter().filter(|batch| batch.ends_step);
        Ok((report, steps.count()))
    }

    /// The batches of as many steps as are wanted and as the buffers hold.
    fn segment<'a, 'b>(&self, batches: &'b [Batch<'a>], wanted: usize) -> &'b [Batch<'a>] {
        let most_passes = self.clock.as_ref().map_or(usize::MAX, |clock| clock.passes);
        let (mut samples, mut passes) = (0, 0);
        let fits = batches
            .iter()
            .take(wanted.min(self.steps))
            .take_while(|batch| {
                samples += batch.samples.len();
                passes += batch.passes();
                samples <= self.samples && passes <= most_passes
            });
        let ends = |count: &usize| batches[*count - 1].ends_step;
        let whole = (1..=fits.count()).rev().find(ends);
        // One step fits in any case.
        let first = || (1..=batches.len()).find(ends);
        &batches[..whole.or_else(first).unwrap_or(batches.len())]
    }

    /// Gives a segment to the device and waits for it; says how many of its steps were done.
    fn submit(
        &self,
        context: &Context,
        segment: &[Batch],
        progress: &Progress,
        pace: &mut Pace,
    ) -> Result<usize, EngineError> {
        self.write(context, segment);
        let mut in_flight: VecDeque<(wgpu::SubmissionIndex, usize)> =
            VecDeque::with_capacity(IN_FLIGHT + 1);
        let mut done = 0;
        let mut last = Instant::now();
        let mut wait = |(index, steps): (wgpu::SubmissionIndex, usize), pace: &mut Pace| {
            context.wait_at_most(pace.patience((IN_FLIGHT + 1) * steps));
            context.wait(Some(index))?;
            pace.learn(steps, segment[0].compiled.dispatch_count(), last.elapsed());
            last = Instant::now();
            Ok::<_, EngineError>(())
        };
        while done < segment.len() {
            let count = pace.submission.min(segment.len() - done);
            let batches = done..done + count;
            let submitted = self.submission(context, segment, batches, pace.dispatches);
            in_flight.push_back((submitted, count));
            done += count;
            // The first submission of all is one step: it tells what a step takes.
            if in_flight.len() > IN_FLIGHT || done == 1 {
                wait(in_flight.pop_front().expect("one is under way"), pace)?;
            }
            if progress.is_stopped() && segment[done - 1].ends_step {
                break;
            }
        }
        while let Some(one) = in_flight.pop_front() {
            wait(one, pace)?;
        }
        Ok(done)
    }

    /// Writes the order of a segment's samples, behind each batch how its images are augmented, and each step's
    /// numbers.
    fn write(&self, context: &Context, segment: &[Batch]) {
        let mut order = Vec::new();
        let mut numbers = vec![0; STEP_BYTES * segment.len()];
        for (place, batch) in segment.iter().enumerate() {
            let words = [
                (order.len() / 4) as u32,
                batch.values.number as u32,
                place as u32,
                (batch.values.step_size as f32).to_bits(),
                (batch.values.decay as f32).to_bits(),
                (batch.values.epsilon as f32).to_bits(),
                batch.first as u32,
            ];
            for (place, word) in numbers[STEP_BYTES * place..].chunks_mut(4).zip(words) {
                place.copy_from_slice(&word.to_le_bytes());
            }
            order.extend(batch.samples.iter().flat_map(|sample| sample.to_le_bytes()));
            if let Some((augment, seed)) = batch.augment {
                let moved = |sample: &u32| augment.moved(seed, batch.values.number, *sample);
                let words = batch.samples.iter().map(|sample| word_of(moved(sample)));
                order.extend(words.flat_map(u32::to_le_bytes));
            }
        }
        context.queue.write_buffer(&self.order, 0, &order);
        context.queue.write_buffer(&self.numbers, 0, &numbers);
    }

    /// Gives these batches to the device, in parts of so many dispatches at most.
    fn submission(
        &self,
        context: &Context,
        segment: &[Batch],
        batches: Range<usize>,
        most: usize,
    ) -> wgpu::SubmissionIndex {
        let mut encoder = context.encoder();
        let mut room = most;
        let passes = segment[..batches.start].iter().map(Batch::passes);
        let mut query = 2 * passes.sum::<usize>() as u32;
        for place in batches {
            let batch = &segment[place];
            let dispatches = batch.compiled.dispatch_count();
            let in_pass = dispatches / batch.passes();
            for start in (0..dispatches).step_by(in_pass) {
                // What is timed as one may be several passes, of which the first and the last see the clock.
                let end = start + in_pass;
                let mut first = start;
                while first < end {
                    if room == 0 {
                        let full = std::mem::replace(&mut encoder, context.encoder());
                        context.queue.submit([full.finish()]);
                        room = most;
                    }
                    let part = first..end.min(first.saturating_add(room));
                    room -= part.len();
                    first = part.end;
                    let begins = (part.start == start).then_some(query);
                    let ends = (part.end == end).then_some(query + 1);
                    let clock = self.clock.as_ref();
                    let clock = clock.filter(|_| begins.is_some() || ends.is_some());
                    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                        label: None,
                        timestamp_writes: clock.map(|clock| wgpu::ComputePassTimestampWrites {
                            query_set: &clock.queries,
                            beginning_of_pass_write_index: begins,
                            end_of_pass_write_index: ends,
                        }),
                    });
                    let numbers = (STEP_BYTES * place) as u32;
                    batch.compiled.encode(&mut pass, &self.group, numbers, part);
                }
                query += 2;
            }
        }
        context.queue.submit([encoder.finish()])
    }

    /// Adds the metrics of a segment's steps.
    fn read_log(
        &self,
        context: &Context,
        done: &[Batch],
        tally: &mut Tally,
    ) -> Result<(), EngineError> {
        let mut encoder = context.encoder();
        let line_bytes = 4 * self.metrics;
        let bytes = line_bytes * done.len();
        encoder.copy_buffer_to_buffer(&self.log, 0, &self.log_back, 0, bytes as u64);
        context.queue.submit([encoder.finish()]);
        let log = context.read(&self.log_back, bytes)?;
        let mut step = Score::default();
        for (line, batch) in log.chunks_exact(line_bytes).zip(done) {
            let mut sums = [0.0; MOST_METRICS];
            for (sum, value) in sums.iter_mut().zip(line.chunks_exact(4)) {
                *sum = f64::from(float(value));
            }
            step = step
                + Score {
                    samples: batch.samples.len() as u64,
                    sums,
                };
            if batch.ends_step {
                tally.add(std::mem::take(&mut step));
            }
        }
        Ok(())
    }

    /// Adds the seconds that each step of a segment took on the device, and those of its dispatches.
    fn read_clock(
        &self,
        context: &Context,
        done: &[Batch],
        step_s: Option<&mut Vec<f32>>,
    ) -> Result<(), EngineError> {
        let (Some(clock), Some(step_s)) = (&self.clock, step_s) else {
            return Ok(());
        };
        let passes: usize = done.iter().map(Batch::passes).sum();
        let mut encoder = context.encoder();
        encoder.resolve_query_set(&clock.queries, 0..2 * passes as u32, &clock.resolved, 0);
        let bytes = 16 * passes;
        encoder.copy_buffer_to_buffer(&clock.resolved, 0, &clock.back, 0, bytes as u64);
        context.queue.submit([encoder.finish()]);
        let ticks: Vec<u64> = context
            .read(&clock.back, bytes)?
            .chunks_exact(8)
            .map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
            .collect();
        let between = |begin: u64, end: u64| end.saturating_sub(begin) as f64 * clock.tick_ns;
        let mut rest = &ticks[..];
        let mut of_step_ns = 0.0;
        for batch in done {
            let (own, others) = rest.split_at(2 * batch.passes());
            rest = others;
            let total_ns = between(own[0], own[own.len() - 1]);
            of_step_ns += total_ns;
            if batch.ends_step {
                step_s.push((std::mem::take(&mut of_step_ns) * 1e-9) as f32);
            }
            if let Some(first) = batch.profiled_at {
                let mut times = self.times.borrow_mut();
                times.steps += usize::from(batch.ends_step);
                times.total_ns += total_ns;
                let end = first + batch.passes();
                if times.dispatch_ns.len() < end {
                    times.dispatch_ns.resize(end, 0.0);
                }
                let sums = &mut times.dispatch_ns[first..end];
                for (sum, pair) in sums.iter_mut().zip(own.chunks_exact(2)) {
                    *sum += between(pair[0], pair[1]);
                }
            }
        }
        Ok(())
    }
}

/// The first four bytes as a number.
pub(crate) fn float(bytes: &[u8]) -> f32 {
    f32::from_le_bytes(bytes[..4].try_into().expect("four bytes"))
}
