//! How well a Schedule's work spreads over so many threads, counted: a prediction for machines that are not
//! here, never a measurement. Slices follow from shapes alone, so this says what balance allows at best.

use std::{cmp::Reverse, fmt, ops::Range};

use super::{Kernel, Schedule, Split, Stage, Touch};
use crate::program::Program;

/// The slices that a thread does of a stage: neighbours, as even as can be.
pub fn share(slices: usize, thread: usize, threads: usize) -> Range<usize> {
    slices * thread / threads..slices * (thread + 1) / threads
}

/// A processor core in numbers: what turns FLOP and bytes into seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Core {
    /// Floating-point operations per second.
    pub flops_per_s: f64,
    /// Bytes per second, read and written.
    pub bytes_per_s: f64,
    /// Seconds that a cache line takes from one thread to the next at a barrier.
    pub meeting_s: f64,
    /// Threads that meet at one line; the last of them meets those of other groups at another.
    pub group: usize,
}

impl Core {
    /// About a core of Zen 4, as measured in fp32 (113 GFLOP/s, 17 GB/s of copies); a cache line takes 50 to 100 ns
    /// from core to core on today's servers.
    pub const ASSUMED: Self = Self {
        flops_per_s: 110e9,
        bytes_per_s: 16e9,
        meeting_s: 60e-9,
        group: 8,
    };

    /// Seconds of a kernel on one thread, with what it goes through.
    fn work_s(
        &self,
        program: &Program,
        schedule: &Schedule,
        kernel: &Kernel,
        traffic: Option<Vec<Touch>>,
    ) -> f64 {
        let bytes: u64 = traffic.iter().flatten().map(|one| one.bytes).sum();
        let flops = kernel.flops(program, &schedule.simplifications);
        (flops as f64 / self.flops_per_s).max(bytes as f64 / self.bytes_per_s)
    }

    /// Seconds of a barrier of so many threads.
    fn barrier_s(&self, mut threads: usize) -> f64 {
        let mut passed_on = 0;
        while threads > 1 {
            passed_on += threads.min(self.group) - 1;
            threads = threads.div_ceil(self.group);
        }
        self.meeting_s * passed_on as f64
    }
}

/// How many threads have something to do at once: in a good part of a step's work. A small one that is cut finer, as
/// scaling pixels is, needs nobody.
pub fn at_once(program: &Program, schedule: &Schedule, core: Core) -> usize {
    const GOOD_PART: f64 = 0.1;
    let mut traffic = schedule.traffic().into_iter();
    let mut work: Vec<(usize, f64)> = Vec::new();
    for stage in &schedule.stages {
        for kernel in &stage.kernels {
            let work_s = core.work_s(program, schedule, kernel, traffic.next());
            let threads = match kernel.split {
                Split::Slices => stage.slices,
                Split::First | Split::EachThread => 1,
            };
            work.push((threads, work_s));
        }
    }
    work.sort_by_key(|(threads, _)| Reverse(*threads));
    let all_s: f64 = work.iter().map(|(_, work_s)| work_s).sum();
    let mut finer_s = 0.0;
    let widest = work.into_iter().find(|(_, work_s)| {
        finer_s += work_s;
        finer_s >= GOOD_PART * all_s
    });
    widest.map_or(1, |(threads, _)| threads)
}

/// A step on so many threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Balance {
    /// How many threads.
    pub threads: usize,
    /// What is done between barriers, in order.
    pub sections: Vec<Section>,
    core: Core,
    /// Seconds of a step on one thread, where these are known.
    alone_s: Option<f64>,
}

/// What threads do between two barriers.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// The longest kernel, and what it makes.
    pub kernel: String,
    /// How many kernels there are.
    pub kernels: usize,
    /// The slices of the stage with the longest kernel; 1 where one thread does it, or each does.
    pub slices: usize,
    /// Seconds of all work on one thread.
    pub work_s: f64,
    /// Seconds until the last thread is done.
    pub slowest_s: f64,
    /// Seconds of the barrier.
    pub barrier_s: f64,
}

impl Section {
    /// The share of the threads' time that is work.
    pub fn efficiency(&self, threads: usize) -> f64 {
        self.work_s / (threads as f64 * (self.slowest_s + self.barrier_s))
    }
}

impl Balance {
    /// Counts a step of a Schedule.
    pub fn of(program: &Program, schedule: &Schedule, core: Core, threads: usize) -> Self {
        let mut traffic = schedule.traffic().into_iter();
        let mut sections = Vec::new();
        let mut open = Open::new(threads);
        for stage in &schedule.stages {
            for kernel in &stage.kernels {
                let work_s = core.work_s(program, schedule, kernel, traffic.next());
                open.add(stage, kernel, program, work_s);
            }
            if stage.barrier {
                sections.push(open.close(core.barrier_s(threads)));
                open = Open::new(threads);
            }
        }
        if open.section.kernels > 0 {
            sections.push(open.close(0.0));
        }
        Self {
            threads,
            sections,
            core,
            alone_s: None,
        }
    }

    /// Beside the same step on one thread, lowered for that: what is done more than once, or goes through memory more
    /// often, counts as lost.
    #[must_use]
    pub fn beside(self, alone: &Self) -> Self {
        Self {
            alone_s: Some(alone.work_s()),
            ..self
        }
    }

    /// Seconds of a step, predicted.
    pub fn step_s(&self) -> f64 {
        let sections = self.sections.iter();
        sections.map(|one| one.slowest_s + one.barrier_s).sum()
    }

    /// The share of the threads' time that is work.
    pub fn efficiency(&self) -> f64 {
        self.useful_s() / (self.threads as f64 * self.step_s())
    }

    /// The same with barriers that take no time: what the sizes of slices alone allow.
    pub fn efficiency_of_slices(&self) -> f64 {
        let slowest_s: f64 = self.sections.iter().map(|one| one.slowest_s).sum();
        self.useful_s() / (self.threads as f64 * slowest_s)
    }

    fn useful_s(&self) -> f64 {
        self.alone_s.unwrap_or_else(|| self.work_s())
    }

    fn work_s(&self) -> f64 {
        self.sections.iter().map(|one| one.work_s).sum()
    }
}

/// A section that grows.
struct Open {
    section: Section,
    /// Seconds of each thread.
    busy_s: Vec<f64>,
    longest_s: f64,
}

impl Open {
    fn new(threads: usize) -> Self {
        Self {
            section: Section {
                kernel: String::new(),
                kernels: 0,
                slices: 1,
                work_s: 0.0,
                slowest_s: 0.0,
                barrier_s: 0.0,
            },
            busy_s: vec![0.0; threads],
            longest_s: -1.0,
        }
    }

    fn add(&mut self, stage: &Stage, kernel: &Kernel, program: &Program, work_s: f64) {
        let threads = self.busy_s.len();
        for (thread, busy_s) in self.busy_s.iter_mut().enumerate() {
            let mine = share(stage.slices, thread, threads);
            *busy_s += work_s
                * match kernel.split {
                    Split::Slices => mine.len() as f64 / stage.slices as f64,
                    Split::First if mine.start == 0 && !mine.is_empty() => 1.0,
                    Split::First => 0.0,
                    Split::EachThread => 1.0,
                };
        }
        self.section.kernels += 1;
        self.section.work_s += work_s;
        if work_s > self.longest_s {
            self.longest_s = work_s;
            self.section.kernel = format!("{} → {}", kernel.name(program), kernel.makes(program));
            self.section.slices = match kernel.split {
                Split::Slices => stage.slices,
                Split::First | Split::EachThread => 1,
            };
        }
    }

    fn close(mut self, barrier_s: f64) -> Section {
        self.section.slowest_s = self.busy_s.into_iter().fold(0.0, f64::max);
        self.section.barrier_s = barrier_s;
        self.section
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "on {} threads: counted, not measured, with an assumed core of {:.0} GFLOP/s, {:.0} GB/s and \
             {:.0} ns from thread to thread at a barrier",
            self.threads,
            self.core.flops_per_s / 1e9,
            self.core.bytes_per_s / 1e9,
            self.core.meeting_s * 1e9
        )?;
        writeln!(
            f,
            "  {:>10} {:>8} {:>7} {:>10} {:>8} {:>10}  longest kernel → what it makes",
            "efficiency", "of step", "slices", "slowest µs", "mean µs", "barrier µs"
        )?;
        let step_s = self.step_s();
        for one in &self.sections {
            let more = match one.kernels {
                1 => String::new(),
                kernels => format!(" (+{})", kernels - 1),
            };
            writeln!(
                f,
                "  {:>8.1} % {:>6.1} % {:>7} {:>10.1} {:>8.1} {:>10.1}  {}{more}",
                100.0 * one.efficiency(self.threads),
                100.0 * (one.slowest_s + one.barrier_s) / step_s,
                one.slices,
                one.slowest_s * 1e6,
                one.work_s / self.threads as f64 * 1e6,
                one.barrier_s * 1e6,
                one.kernel
            )?;
        }
        writeln!(
            f,
            "a step: barriers {}, efficiency {:.1} % ({:.1} % with barriers that take no time)",
            self.sections
                .iter()
                .filter(|one| one.barrier_s > 0.0)
                .count(),
            100.0 * self.efficiency(),
            100.0 * self.efficiency_of_slices()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn each_slice_goes_to_one_thread() {
        for (slices, threads) in [(1, 1), (4, 64), (64, 4), (7, 3), (100, 128)] {
            let mut next = 0;
            for thread in 0..threads {
                let mine = share(slices, thread, threads);
                assert_eq!(mine.start, next);
                assert!(mine.len() <= slices.div_ceil(threads));
                next = mine.end;
            }
            assert_eq!(next, slices);
        }
    }
}
