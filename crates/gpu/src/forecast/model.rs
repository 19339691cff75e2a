//! How long a dispatch takes where workgroups are few and wait for memory, which peaks alone do not say.
//!
//! A multiprocessor has a few workgroups at a time. Each waits for memory as often as its work says, and meanwhile the
//! others compute; what they do takes turns. So a round of them lasts as long as the waits of one or the instructions
//! of all, whichever is more, and a dispatch as many rounds as its workgroups need. The figures are fitted to the one
//! card that laptime was profiled on (`crates/gpu/tests/forecast.rs` holds them against that).

use crate::work::Work;

/// Seconds that a wait for memory takes, with the barriers and addresses around it.
const WAIT_S: f64 = 1.15e-6;

/// Seconds of a sum over all threads of a workgroup.
const SUM_S: f64 = 0.6e-6;

/// Instructions of a lane for each multiply-add of a tile: itself, and its share of reading workgroup memory.
const OF_MULTIPLY_ADD: f64 = 1.5;

/// Instructions of a lane for each value that is read or written: most of them work out its place.
const OF_VALUE: f64 = 24.0;

/// Workgroups that a multiprocessor has at a time: registers allow no more.
const RESIDENT: usize = 4;

/// How many times its share of the memory's bandwidth one multiprocessor can draw.
const SHARES: f64 = 3.0;

/// A card, as the model knows it.
pub(super) struct Machine {
    pub flops: f64,
    pub bytes_per_s: f64,
    pub multiprocessors: usize,
}

impl Machine {
    /// Seconds of a dispatch of so many workgroups that moves so many bytes, behind its launch.
    pub(super) fn dispatch_s(&self, work: Work, workgroups: usize, bytes: u64) -> f64 {
        let each = workgroups.div_ceil(self.multiprocessors).max(1);
        let resident = each.min(RESIDENT);
        let instructions =
            OF_MULTIPLY_ADD * work.multiply_adds as f64 + OF_VALUE * work.values as f64;
        // A multiply-add is two operations, and one instruction.
        let instructions_per_s = self.flops / 2.0 / self.multiprocessors as f64;
        let waits_s = WAIT_S * work.waits as f64 + SUM_S * work.sums as f64;
        let rounds_s = each.div_ceil(resident) as f64 * waits_s;
        let compute_s = each as f64 * instructions / instructions_per_s;
        let busy = workgroups.min(self.multiprocessors) as f64 / self.multiprocessors as f64;
        let memory_s = bytes as f64 / (self.bytes_per_s * (SHARES * busy).min(1.0));
        rounds_s.max(compute_s).max(memory_s)
    }
}
