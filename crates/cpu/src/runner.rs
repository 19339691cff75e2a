//! Runs batches on one thread: the loop over steps, stages and tasks.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use laptime_engine::{Progress, Score, Tally};
use laptime_graph::{
    StepValues,
    schedule::{Split, share},
};
use laptime_workload::{MOST_METRICS, Moved, Workload, dataset::Samples};

use crate::{
    kernels::Step,
    link::Linked,
    memory::{Floats, ThreadMemory, View},
    simd::Isa,
};

/// The Program of a workload compiled for batches of one size.
pub(crate) struct Compiled {
    pub(crate) linked: Linked,
    pub(crate) step: Floats,
    pub(crate) threads: Vec<ThreadMemory>,
}

/// Samples that go through a Program at once: a step, or one of its micro-batches.
pub(crate) struct Batch<'a> {
    pub(crate) samples: &'a [u32],
    /// How they are augmented; empty where they are not.
    pub(crate) moves: &'a [Moved],
    pub(crate) compiled: &'a Compiled,
    /// The step that it belongs to, counted from 1.
    pub(crate) step: u64,
    /// The place of its first sample in the step.
    pub(crate) first: usize,
    pub(crate) ends_step: bool,
    /// Where the times of its tasks are added, where they are taken.
    pub(crate) first_task: Option<usize>,
}

/// What the first thread writes down; it has room for all of it from the start.
pub(crate) struct Log {
    pub(crate) tally: Tally,
    pub(crate) step_s: Vec<f32>,
    pub(crate) profile: Option<TaskTimes>,
}

/// Where the first thread's time went, over the steps of whole batches.
pub(crate) struct TaskTimes {
    /// Of each task, in the order of the Schedules of a step's Programs.
    pub(crate) tasks: Vec<Duration>,
    /// At barriers.
    pub(crate) waiting: Duration,
    pub(crate) steps: u64,
}

impl Log {
    /// A log for so many steps behind those of `score`, with the times of so many tasks where they
    /// are wanted.
    pub(crate) fn for_steps(score: Score, steps: usize, profiled_tasks: Option<usize>) -> Self {
        Self {
            tally: Tally::from(score),
            step_s: Vec::with_capacity(steps),
            profile: profiled_tasks.map(|tasks| TaskTimes {
                tasks: vec![Duration::ZERO; tasks],
                waiting: Duration::ZERO,
                steps: 0,
            }),
        }
    }
}

/// What all threads share while they run batches.
pub(crate) struct Runner<'a> {
    pub(crate) isa: Isa,
    pub(crate) threads: usize,
    pub(crate) persistent: &'a Floats,
    pub(crate) samples: &'a Samples,
    pub(crate) batches: &'a [Batch<'a>],
    /// The number of the first batch; of the two copies of a buffer, neighbours have different ones.
    pub(crate) first_number: u64,
    pub(crate) workload: &'a Workload,
    /// The number of batches to do; the first thread lowers it when it is asked to stop.
    pub(crate) end: AtomicU64,
    pub(crate) progress: &'a Progress,
}

impl Runner<'_> {
    /// One thread's part of all batches. Nothing here allocates, locks or reads a file.
    ///
    /// # Safety
    /// Each batch was compiled (lowered, checked, linked) for so many samples; its arenas are as large as
    /// its Schedule says, and `persistent` as large as all of them do, who agree on what lies where.
    /// All samples of the batches are among `samples`, whose labels are below the Program's classes.
    ///
    /// Each of `threads` threads calls this once with a number of its own, below the number of
    /// `ThreadMemory` of each batch, and with a `barrier` that returns when all have called it. Nobody else
    /// uses the arenas until all have returned.
    pub(crate) unsafe fn run(
        &self,
        thread: usize,
        mut barrier: impl FnMut(),
        mut log: Option<&mut Log>,
    ) {
        let mut start = Instant::now();
        // Of the step so far, where it is several micro-batches.
        let mut score = Score::default();
        for (index, batch) in self.batches.iter().enumerate() {
            // The end was lowered, if at all, before a barrier of a batch before.
            if index as u64 >= self.end.load(Relaxed) {
                break;
            }
            if log.is_some() && self.progress.is_stopped() {
                let rest = &self.batches[index..];
                let left = rest.iter().position(|batch| batch.ends_step).unwrap_or(0);
                self.end.store((index + left) as u64 + 1, Relaxed);
            }
            let Compiled {
                linked,
                step: step_memory,
                threads,
            } = batch.compiled;
            let number = self.first_number + index as u64;
            let step = Step {
                values: StepValues::of(self.workload, batch.step),
                batch: batch.samples,
                first: batch.first,
                next_batch: self.batches.get(index + 1).map_or(&[], |next| next.samples),
                moves: batch.moves,
                arrays: &self.samples.arrays,
                scores: log.is_some(),
            };
            let view = View::new(
                self.persistent,
                step_memory,
                &threads[thread],
                number as usize,
            );
            let mut times = log
                .as_mut()
                .and_then(|log| log.profile.as_mut())
                .filter(|_| batch.first_task.is_some());
            let mut task_number = batch.first_task.unwrap_or(0);
            let mut clock = times.is_some().then(Instant::now);
            for stage in &linked.stages {
                let mine = share(stage.slices, thread, self.threads);
                for task in &stage.tasks {
                    let slices = match task.split {
                        Split::Slices => mine.clone(),
                        Split::First if mine.start == 0 && !mine.is_empty() => 0..task.slices,
                        Split::First => 0..0,
                        Split::EachThread => 0..task.slices,
                    };
                    if !slices.is_empty() {
                        // SAFETY: the caller's promise: the task was linked from the Schedule that
                        // these arenas were made for. `Schedule::check` has proven that slices of
                        // one thread are not touched by another between two barriers, and `share`
                        // gives each slice to one thread.
                        unsafe { task.task.run(self.isa, &step, view, slices) }
                    }
                    if let (Some(times), Some(clock)) = (&mut times, &mut clock) {
                        times.tasks[task_number] += lap(clock);
                    }
                    task_number += 1;
                }
                if stage.barrier {
                    barrier();
                    if let (Some(times), Some(clock)) = (&mut times, &mut clock) {
                        times.waiting += lap(clock);
                    }
                }
            }
            if let Some(times) = times {
                times.steps += u64::from(batch.ends_step);
            }
            if let Some(log) = &mut log {
                let mut sums = [0.0; MOST_METRICS];
                for (sum, place) in sums.iter_mut().zip(&linked.metrics) {
                    // SAFETY: it is in the arenas, as of the caller's promise: in this thread's own.
                    *sum = f64::from(unsafe { *view.at(*place) });
                }
                score = score
                    + Score {
                        samples: batch.samples.len() as u64,
                        sums,
                    };
                if !batch.ends_step {
                    continue;
                }
                log.tally.add(std::mem::take(&mut score));
                self.progress.tell(log.tally.score);
                let now = Instant::now();
                log.step_s.push((now - start).as_secs_f32());
                start = now;
            }
        }
    }
}

/// The time since the clock was last read.
fn lap(clock: &mut Instant) -> Duration {
    let now = Instant::now();
    now - std::mem::replace(clock, now)
}
