//! Cuts kernels into slices and puts them into stages, with as few barriers as the values allow.

use laptime_graph::{
    FusionKind, OpId, Program, Uses,
    schedule::{Kernel, Part, Split, Stage},
};

use crate::ops::{self, Arranging, Cut};

/// The stages of a step, without the barrier at its end.
pub(super) fn arrange(
    program: &Program,
    uses: &Uses,
    groups: &[Vec<OpId>],
    taken: &[FusionKind],
    (sums, threads): (&[Option<OpId>], usize),
    partial_logits: Option<bool>,
) -> Vec<Stage> {
    let mut arranger = Arranger {
        program,
        uses,
        taken,
        sums,
        threads,
        partial_logits,
        stages: Vec::new(),
        waiting: Vec::new(),
        first_parts: vec![None; program.tensors.len()],
        accesses: 0,
    };
    for group in groups {
        let cuts = arranger.cuts(group);
        if arranger.may_wait(group) && !arranger.fits(&cuts) {
            arranger.waiting.push(cuts);
        } else {
            arranger.place(cuts);
        }
    }
    arranger.place_waiting();
    let mut stages = arranger.stages;
    // Threads meet at least once a step: they must agree on where training stops.
    if stages.iter().all(|stage| !stage.barrier)
        && let Some(last) = stages.last_mut()
    {
        last.barrier = true;
    }
    stages
}

struct Arranger<'a> {
    program: &'a Program,
    uses: &'a Uses,
    taken: &'a [FusionKind],
    /// For whom sums of each tensor's pieces are left.
    sums: &'a [Option<OpId>],
    threads: usize,
    /// Whether logits are partial sums, where that is decided.
    partial_logits: Option<bool>,
    stages: Vec<Stage>,
    /// Updates that need a barrier before them, waiting for one that is needed anyway.
    waiting: Vec<Vec<Cut>>,
    /// What the first kernel that touches each tensor touches of it, and the number of that access.
    first_parts: Vec<Option<(usize, Part)>>,
    /// How many accesses the placed kernels have.
    accesses: usize,
}

impl Arranger<'_> {
    /// Whether nothing later in the step reads what the group writes: an update in place.
    fn may_wait(&self, group: &[OpId]) -> bool {
        let last = self.program.operation(group[group.len() - 1]);
        last.op.definition().is_update()
    }

    /// Whether any of the cuts can be done with no further barrier.
    fn fits(&self, cuts: &[Cut]) -> bool {
        cuts.iter().any(|cut| self.needs_no_barrier(cut))
    }

    /// Puts the first of the cuts that fits into the open stage there; else the last of them
    /// into a stage of its own, behind a barrier where it needs one.
    fn place(&mut self, mut cuts: Vec<Cut>) {
        let fitting = cuts.iter().position(|cut| {
            self.stages.last().is_some_and(|stage| {
                let slices = cut.slices.unwrap_or(stage.slices);
                let fits = slices == stage.slices || !is_cut(stage);
                fits && !stage.barrier && self.needs_no_barrier(cut)
            })
        });
        if let Some(index) = fitting {
            let Cut { slices, kernel } = cuts.swap_remove(index);
            self.note(&kernel);
            let stage = self
                .stages
                .last_mut()
                .expect("the cut fits into the last stage");
            stage.slices = slices.unwrap_or(stage.slices);
            stage.kernels.push(kernel);
            return;
        }
        let cut = cuts.pop().expect("every group can be cut in some way");
        if !self.needs_no_barrier(&cut)
            && let Some(last) = self.stages.last_mut()
        {
            last.barrier = true;
            self.place_waiting();
        }
        let slices = cut.slices.unwrap_or(1);
        self.note(&cut.kernel);
        self.stages.push(Stage {
            slices,
            kernels: vec![cut.kernel],
            barrier: false,
        });
    }

    /// A kernel is placed behind all others.
    fn note(&mut self, kernel: &Kernel) {
        for access in &kernel.accesses {
            self.first_parts[access.tensor.0].get_or_insert((self.accesses, access.part));
            self.accesses += 1;
        }
    }

    /// Places the updates that waited, behind the barrier that was just set.
    fn place_waiting(&mut self) {
        for cuts in std::mem::take(&mut self.waiting) {
            self.place(cuts);
        }
    }

    /// Whether nothing done since the last barrier stands in the way of doing this now.
    fn needs_no_barrier(&self, cut: &Cut) -> bool {
        let open = self.stages.iter().rev().take_while(|stage| !stage.barrier);
        open.flat_map(|stage| stage.kernels.iter().map(move |kernel| (stage, kernel)))
            .all(|(stage, kernel)| {
                let slices = cut.slices.unwrap_or(stage.slices);
                let open_slices = if is_cut(stage) { stage.slices } else { slices };
                cut.kernel.may_follow(kernel, (open_slices, slices))
            })
    }

    fn cuts(&self, group: &[OpId]) -> Vec<Cut> {
        let at = Arranging {
            program: self.program,
            uses: self.uses,
            taken: self.taken,
            first_parts: &self.first_parts,
            sums: self.sums,
            threads: self.threads,
            partial_logits: self.partial_logits,
            group,
        };
        ops::of(&at.main().op).cuts(&at)
    }
}

fn is_cut(stage: &Stage) -> bool {
    stage
        .kernels
        .iter()
        .any(|kernel| kernel.split == Split::Slices)
}
