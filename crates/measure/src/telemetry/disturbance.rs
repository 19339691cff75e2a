//! What others took from a run.
//!
//! **What was lost** is counted from the run's own waiting: the time in which its threads could have
//! run and others had the core (the kernel's run-queue delay), in which the hypervisor had it, or in
//! which a CPU limit stopped them. The threads of a training meet after every layer, so while one of
//! them is kept waiting, the others soon wait for it: the share of the time that is lost is the share
//! in which *any* of them is kept waiting (Petrini, Kerbyson and Pakin, "The Case of the Missing
//! Supercomputer Performance", 2003). Where the waits of threads have nothing to do with each other,
//! that is 1 − Π (1 − wᵢ), each thread waiting for the share wᵢ. Work that need not meet loses less.
//!
//! **What counts as others'.** Threads of a run also wait for each other, where there are more of them
//! than cores, or where the kernel puts two of them on one. So no more waiting is blamed on others than
//! they had processor time.
//!
//! **Where the system does not tell how long threads waited** (it is not Linux), others count only
//! as far as they and the run's threads together want more cores than there are.

use super::{Cause, Condition, Telemetry};

/// The share of the time that a run may lose to others and still be clean. Of runs of 1 to 1.5 s on two
/// cores, by two threads that meet every millisecond: where others took less than 6 % of the cores' time,
/// all ten lost less than this by count, and 2 to 5 % by the work they did, beside the best of all runs;
/// where they took 8 to 12 %, 19 of 20 lost more by count, and 3 to 11 % by the work.
const LOST: f64 = 0.05;

/// And the share that its threads must have waited for in the mean. On machines of many cores somebody
/// always works for a moment on one of them, and not all programs wait for their slowest thread.
const MEAN: f64 = 0.01;

/// The share of the cores' time that others may have where nothing tells whether the run had to wait
/// for them: the desktop that the run was started from is one of these others.
const FOREIGN: f64 = 0.05;

/// A tick of the clock that `/proc/stat` counts in: what others had on each core is not known better.
const TICK_S: f64 = 0.01;

/// How many bytes a second the system may swap where it does not tell what that costs: a disk of today
/// needs less than a tenth of the time for these. Not measured.
const SWAPPED_PER_S: f64 = 10e6;

/// What disturbed the run, if anything did.
pub(super) fn disturbance(telemetry: &Telemetry, threads: usize) -> Option<Condition> {
    let machine = Machine::of(telemetry, threads);
    let wall_s = telemetry.wall_s;
    let stall_share = telemetry.memory_stall_s.unwrap_or(0.0) / wall_s;
    let swapped_bytes = telemetry.swapped_bytes.unwrap_or(0);
    let is_swapping = swapped_bytes > 0 && stall_share >= LOST
        || telemetry.memory_stall_s.is_none() && swapped_bytes as f64 / wall_s > SWAPPED_PER_S;
    let shares = [
        machine.others(telemetry),
        machine.steal(telemetry),
        machine.limit(telemetry),
        if is_swapping { stall_share } else { 0.0 },
    ]
    .map(|share| share.clamp(0.0, 1.0));
    // What is left when each has taken its share of what the others left.
    let lost_share = 1.0 - shares.iter().map(|share| 1.0 - share).product::<f64>();
    if lost_share < LOST && !is_swapping {
        return None;
    }
    let cpu_share = |time_s: f64| (time_s / (machine.cores * wall_s)).clamp(0.0, 1.0);
    let causes = [
        Cause::OtherProcesses {
            cpu_share: telemetry.foreign_cpu_s.map(cpu_share),
        },
        Cause::HypervisorSteal {
            cpu_share: cpu_share(telemetry.steal_s.unwrap_or(0.0)),
        },
        Cause::CpuLimit {
            stopped_share: shares[2],
        },
        Cause::Swapping { swapped_bytes },
    ];
    let mut by: Vec<(f64, Cause)> = shares.into_iter().zip(causes).collect();
    by.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    // All that are worth a word: the worst, what alone would disturb, and swapping of unknown cost.
    let worst = by[0].0;
    by.retain(|(share, cause)| match cause {
        Cause::Swapping { .. } => is_swapping,
        _ => *share > 0.0 && (*share >= LOST || *share >= worst),
    });
    Some(Condition::Disturbed {
        by: by.into_iter().map(|(_, cause)| cause).collect(),
        lost_share,
    })
}

/// The run's share in the machine.
struct Machine {
    /// How many cores there are; at least 1.
    cores: f64,
    /// How many threads trained at once; at least 1.
    threads: f64,
}

impl Machine {
    fn of(telemetry: &Telemetry, threads: usize) -> Self {
        let threads = threads.max(1) as f64;
        let cores = telemetry
            .cores
            .map_or(threads, |cores| f64::from(cores.max(1)));
        Self {
            cores,
            threads: threads.min(cores),
        }
    }

    /// The share of the time that was lost to other processes.
    fn others(&self, telemetry: &Telemetry) -> f64 {
        let wall_s = telemetry.wall_s;
        let foreign_s = telemetry.foreign_cpu_s;
        let Some(waited_s) = telemetry.run_delay_s else {
            let foreign = foreign_s.unwrap_or(0.0) / wall_s;
            let missing = (self.threads + foreign - self.cores).max(0.0);
            let is_much = foreign >= FOREIGN * self.cores;
            return if is_much { missing / self.threads } else { 0.0 };
        };
        // A thread that a CPU limit stopped waits too, but not for others.
        let stopped_s = telemetry.cgroup_throttled_s.unwrap_or(0.0);
        let others_s = (waited_s - stopped_s).max(0.0);
        let most_s = foreign_s.map_or(others_s, |foreign_s| foreign_s + TICK_S * self.cores);
        let blamed = if waited_s > 0.0 {
            others_s.min(most_s) / waited_s
        } else {
            0.0
        };
        let longest_s = telemetry
            .longest_run_delay_s
            .unwrap_or(waited_s / self.threads);
        self.any_waits(waited_s * blamed / wall_s, longest_s * blamed / wall_s)
    }

    /// The share of the time that was lost to the hypervisor: it takes from the run what it takes, in
    /// proportion to what the run has of the busy time.
    fn steal(&self, telemetry: &Telemetry) -> f64 {
        let own_share = match (telemetry.own_cpu_s, telemetry.foreign_cpu_s) {
            (Some(own_s), Some(foreign_s)) if own_s > 0.0 => own_s / (own_s + foreign_s),
            _ => 1.0,
        };
        let stolen = telemetry.steal_s.unwrap_or(0.0) * own_share / telemetry.wall_s;
        self.any_waits(stolen, stolen / self.threads)
    }

    /// The share of the time in which a limit stopped the run. A used up quota stops all threads at
    /// once, but only those that could have run are counted, not those that wait to meet one that was
    /// stopped: so it is up to the sum over the threads, but no more than what their processor time
    /// falls short of, and at least their mean.
    fn limit(&self, telemetry: &Telemetry) -> f64 {
        let together = telemetry.cgroup_throttled_s.unwrap_or(0.0) / telemetry.wall_s;
        let own = telemetry.own_cpu_s.unwrap_or(0.0) / telemetry.wall_s;
        let missing = 1.0 - own / self.threads;
        together.min(missing).max(together / self.threads)
    }

    /// The share of the time in which any thread waits, if they wait for these shares of it all
    /// together, and one of them for the longest.
    fn any_waits(&self, together: f64, longest: f64) -> f64 {
        if together < MEAN * self.threads {
            return 0.0;
        }
        let longest = longest.clamp(0.0, 1.0);
        let others = self.threads - 1.0;
        if others <= 0.0 {
            return longest.max(together.min(1.0));
        }
        let each = ((together - longest) / others).clamp(0.0, 1.0);
        1.0 - (1.0 - longest) * (1.0 - each).powf(others)
    }
}
