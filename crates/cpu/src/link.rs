//! Links a Schedule: finds the kernel for each group of operations and resolves every place, so
//! that a step looks up no name and decides nothing.

use laptime_graph::{
    MicroBatch, Program,
    schedule::{Arena, Kernel, Schedule, Split},
};

use crate::{
    memory::Place,
    ops::{self, Group, Places, StoredLogits, Task},
};

/// A Schedule ready to run.
pub(crate) struct Linked {
    pub(crate) stages: Vec<LinkedStage>,
    /// Samples that it takes.
    pub(crate) batch_size: usize,
    pub(crate) micro_batch: Option<MicroBatch>,
    pub(crate) step_bytes: usize,
    pub(crate) thread_bytes: usize,
    pub(crate) scratch_bytes: usize,
    pub(crate) logits: StoredLogits,
    pub(crate) metrics: Vec<Place>,
}

impl Linked {
    /// How many tasks a step has.
    pub(crate) fn tasks(&self) -> usize {
        self.stages.iter().map(|stage| stage.tasks.len()).sum()
    }
}

/// Kernels between two barriers.
pub(crate) struct LinkedStage {
    pub(crate) slices: usize,
    pub(crate) tasks: Vec<LinkedTask>,
    pub(crate) barrier: bool,
}

/// A kernel and who does what of it.
pub(crate) struct LinkedTask {
    pub(crate) task: Task,
    pub(crate) split: Split,
    /// The number of its slices, where one thread does them all.
    pub(crate) slices: usize,
}

/// Links a Schedule that this crate lowered from the Program.
pub(crate) fn link(program: &Program, schedule: &Schedule) -> Linked {
    let places = Places::of(program, schedule);
    let stages = schedule
        .stages
        .iter()
        .map(|stage| LinkedStage {
            slices: stage.slices,
            tasks: stage
                .kernels
                .iter()
                .map(|kernel| link_kernel(program, &places, kernel))
                .collect(),
            barrier: stage.barrier,
        })
        .collect();
    Linked {
        stages,
        batch_size: program.batch_size,
        micro_batch: program.micro_batch,
        step_bytes: places.step_bytes + schedule.zero_bytes,
        thread_bytes: schedule.arena_bytes(Arena::Thread),
        scratch_bytes: schedule.scratch_bytes + schedule.zero_bytes,
        logits: places.logits(),
        metrics: program.metrics.iter().map(|id| places.place(*id)).collect(),
    }
}

fn link_kernel(program: &Program, places: &Places, kernel: &Kernel) -> LinkedTask {
    let group = Group::of(program, kernel);
    LinkedTask {
        task: ops::of(&group.main.op).link(&group, places),
        split: kernel.split,
        // A kernel that one thread does whole is told all slices that there could be.
        slices: most_slices(program, kernel),
    }
}

/// As many slices as any tensor of the kernel could be cut into.
fn most_slices(program: &Program, kernel: &Kernel) -> usize {
    let accesses = kernel.accesses.iter();
    let elements = accesses.map(|access| program.tensor(access.tensor).elements());
    elements.max().unwrap_or(1).max(program.batch_size)
}

#[cfg(test)]
mod tests;
