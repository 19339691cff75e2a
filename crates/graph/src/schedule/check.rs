//! Proves a Schedule sound: everything is done once and in order, nothing is read that is not
//! there, what slices touch is enough for what they make (`parts.rs`), sums that they need of more are left for them
//! (`sums.rs`), and no two threads touch the same memory between two barriers.

use std::collections::BTreeMap;

use super::{Access, Arena, Buffer, Kernel, Part, Schedule, Split, Stage, parts, sums};
use crate::{
    class::Class,
    program::{OpId, Operation, Program},
    tensor::{Role, TensorId},
    uses::Uses,
};

impl Schedule {
    /// Checks the Schedule against the Program that it claims to do.
    ///
    /// # Errors
    /// The first thing wrong, in words.
    pub fn check(&self, program: &Program) -> Result<(), String> {
        let checker = Checker {
            schedule: self,
            program,
            uses: Uses::of(program),
            buffers: self.buffers_by_tensor(program),
        };
        checker.order()?;
        checker.values()?;
        parts::check(program, self, &checker.buffers, |operation| {
            checker.depends_on_inputs_alone(operation)
        })?;
        sums::check(program, self, &checker.buffers)?;
        checker.hazards()
    }

    pub(super) fn kernels(&self) -> impl Iterator<Item = &Kernel> {
        self.stages.iter().flat_map(|stage| &stage.kernels)
    }
}

struct Checker<'a> {
    schedule: &'a Schedule,
    program: &'a Program,
    uses: Uses,
    /// The buffer of each tensor.
    buffers: Vec<Option<&'a Buffer>>,
}

impl Checker<'_> {
    /// Every operation stands in one kernel, behind those whose results it reads, and behind
    /// those that read what it overwrites. What depends on the inputs alone, and rounding, may be done again
    /// by each kernel that reads it.
    fn order(&self) -> Result<(), String> {
        let order = self
            .schedule
            .kernels()
            .flat_map(|kernel| &kernel.operations);
        let mut place = vec![usize::MAX; self.program.operations.len()];
        let mut again = Vec::new();
        for (at, id) in order.enumerate() {
            let operation = self.program.operation(*id);
            let is_rounding = operation.op.definition().is_rounding();
            if place[id.0] != usize::MAX && (is_rounding || self.depends_on_inputs_alone(operation))
            {
                again.push((*id, at));
                continue;
            }
            if std::mem::replace(&mut place[id.0], at) != usize::MAX {
                return Err(format!("operation {} is done twice", id.0));
            }
        }
        if let Some(missing) = place.iter().position(|&at| at == usize::MAX) {
            return Err(format!("operation {missing} is never done"));
        }
        // What is done again must read what it read at first: parameters are updated in place.
        for (id, at) in again {
            let reads = &self.program.operation(id).inputs;
            let changes =
                |other: &Operation| other.outputs.iter().any(|output| reads.contains(output));
            let between = |(other, operation): &(OpId, &Operation)| {
                (place[id.0]..at).contains(&place[other.0]) && changes(operation)
            };
            if let Some((other, _)) = self.program.operations_by_id().find(between) {
                return Err(format!(
                    "operation {} is done again behind {}",
                    id.0, other.0
                ));
            }
        }
        // For each tensor, the last places so far at which it is written and touched at all.
        let mut written: Vec<Option<(usize, OpId)>> = vec![None; self.program.tensors.len()];
        let mut touched = written.clone();
        for (id, operation) in self.program.operations_by_id() {
            let at = place[id.0];
            let earlier = operation.inputs.iter().map(|input| written[input.0]);
            let earlier = earlier.chain(operation.outputs.iter().map(|output| touched[output.0]));
            for (before, first) in earlier.flatten() {
                if before > at {
                    return Err(format!("operation {} is done before {}", id.0, first.0));
                }
            }
            for tensor in operation.inputs.iter().chain(&operation.outputs) {
                touched[tensor.0] = touched[tensor.0].max(Some((at, id)));
            }
            for output in &operation.outputs {
                written[output.0] = written[output.0].max(Some((at, id)));
            }
        }
        Ok(())
    }

    /// Whether the operation may be done again anywhere: all it reads is given to the step.
    fn depends_on_inputs_alone(&self, operation: &Operation) -> bool {
        if operation.inputs.is_empty() {
            return false;
        }
        let is_given = |input: &TensorId| {
            let role = &self.program.tensor(*input).role;
            matches!(role, Role::Input { .. })
        };
        if operation.inputs.iter().all(is_given) {
            return true;
        }
        let is_made_of_inputs = |input: &TensorId| {
            let maker = self.uses.maker(*input);
            maker.is_some_and(|id| self.depends_on_inputs_alone(self.program.operation(id)))
        };
        self.program.class(operation) == Class::Movement
            && operation.inputs.iter().all(is_made_of_inputs)
    }

    /// Whatever a kernel reads is in memory: written by an earlier kernel, and no byte of it
    /// taken for another tensor since.
    fn values(&self) -> Result<(), String> {
        let mut alive = Alive::new(self.program.tensors.len());
        for (id, _) in self.program.kept() {
            alive.write(id, self.buffers[id.0]);
        }
        for kernel in self.schedule.kernels() {
            let mut inside: Vec<TensorId> = Vec::new();
            let operations = kernel.operations.iter();
            for operation in operations.map(|id| self.program.operation(*id)) {
                for input in &operation.inputs {
                    let tensor = self.program.tensor(*input);
                    let given = matches!(tensor.role, Role::Input { .. });
                    if !given && !inside.contains(input) && !alive.has(*input) {
                        return Err(format!(
                            "{} reads {}, which is not in memory",
                            self.program.describe(operation),
                            tensor.name
                        ));
                    }
                }
                inside.extend(&operation.outputs);
            }
            for access in kernel.accesses.iter().filter(|access| access.write) {
                let name = &self.program.tensor(access.tensor).name;
                let buffer =
                    self.buffers[access.tensor.0].ok_or(format!("{name} has no buffer"))?;
                alive.write(access.tensor, Some(buffer));
            }
        }
        // They are read behind the step.
        match self.program.metrics.iter().find(|id| !alive.has(**id)) {
            None => Ok(()),
            Some(id) => {
                let name = &self.program.tensor(*id).name;
                Err(format!("{name} is not in memory at the end of the step"))
            }
        }
    }

    /// Between two barriers no memory that one thread writes is touched by another. The step is
    /// unrolled twice: without a barrier at its end, its last kernels run beside the first ones
    /// of the next step.
    fn hazards(&self) -> Result<(), String> {
        let mut since_barrier: Vec<(usize, &Stage, &Kernel)> = Vec::new();
        for step in 0..2 {
            for stage in &self.schedule.stages {
                for kernel in &stage.kernels {
                    since_barrier.push((step, stage, kernel));
                    for &(earlier_step, earlier_stage, earlier) in &since_barrier {
                        let conflict = self.conflict(
                            (earlier_stage, earlier),
                            (stage, kernel),
                            earlier_step != step,
                        );
                        if let Some(tensor) = conflict {
                            return Err(format!(
                                "two threads touch {} between two barriers",
                                self.program.tensor(tensor).name
                            ));
                        }
                    }
                }
                if stage.barrier {
                    since_barrier.clear();
                }
            }
        }
        Ok(())
    }

    fn conflict(
        &self,
        (first_stage, first): (&Stage, &Kernel),
        (second_stage, second): (&Stage, &Kernel),
        other_step: bool,
    ) -> Option<TensorId> {
        for a in &first.accesses {
            for b in second.accesses.iter().filter(|b| a.write || b.write) {
                let (Some(of_a), Some(of_b)) = (self.buffers[a.tensor.0], self.buffers[b.tensor.0])
                else {
                    continue;
                };
                let alone = !other_step && std::ptr::eq(first, second);
                let apart = other_step && of_a.copies > 1 && a.tensor == b.tensor;
                if of_a.overlaps(of_b) && !apart {
                    let same = a.tensor == b.tensor;
                    let slices = (first_stage.slices, second_stage.slices);
                    let private = of_a.arena == Arena::Thread;
                    let own = alone && same && a.part == Part::Own && b.part == Part::Own;
                    if !(private || own || same && stays_in_slice(a, b, slices)) {
                        return Some(b.tensor);
                    }
                }
            }
        }
        None
    }
}

/// Which tensors are in memory.
struct Alive {
    is_alive: Vec<bool>,
    /// What lies where: by arena and first byte, the byte behind it and the tensor. No two overlap.
    places: BTreeMap<(Arena, usize), (usize, TensorId)>,
}

impl Alive {
    fn new(tensors: usize) -> Self {
        Self {
            is_alive: vec![false; tensors],
            places: BTreeMap::new(),
        }
    }

    fn has(&self, tensor: TensorId) -> bool {
        self.is_alive[tensor.0]
    }

    /// A tensor is written: what lay in its place is gone.
    fn write(&mut self, tensor: TensorId, buffer: Option<&Buffer>) {
        self.is_alive[tensor.0] = true;
        let Some(buffer) = buffer.filter(|buffer| buffer.end() > buffer.offset_bytes) else {
            return;
        };
        let Buffer {
            arena,
            offset_bytes,
            ..
        } = *buffer;
        let before = self
            .places
            .range(..(arena, buffer.end()))
            .rev()
            .take_while(|((other, _), (end, _))| *other == arena && *end > offset_bytes);
        let gone: Vec<((Arena, usize), TensorId)> = before
            .map(|(place, (_, tensor))| (*place, *tensor))
            .collect();
        for (place, gone) in gone {
            self.places.remove(&place);
            self.is_alive[gone.0] = false;
        }
        self.is_alive[tensor.0] = true;
        self.places
            .insert((arena, offset_bytes), (buffer.end(), tensor));
    }
}

impl Buffer {
    /// The byte behind all its copies.
    pub(super) fn end(&self) -> usize {
        self.offset_bytes + self.bytes * self.copies
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.arena == other.arena
            && self.offset_bytes < other.end()
            && other.offset_bytes < self.end()
    }
}

/// Whether two kernels that touch the same tensor, at least one of them writing, need no barrier
/// between them: what one slice of the one touches, only the same slice of the other does. The
/// same slices of stages with the same number of slices are on the same thread.
pub(super) fn stays_in_slice(a: &Access, b: &Access, slices: (usize, usize)) -> bool {
    match (a.part, b.part) {
        (Part::First, Part::First) => true,
        (Part::Along { .. } | Part::Tile { .. } | Part::Partial, _) => {
            a.part == b.part && slices.0 == slices.1
        }
        _ => false,
    }
}

impl Kernel {
    /// Whether this kernel may run behind `earlier` with no barrier between, their stages being
    /// cut into so many slices: nothing that one of them writes is touched by another thread in
    /// the other.
    pub fn may_follow(&self, earlier: &Self, slices: (usize, usize)) -> bool {
        earlier.accesses.iter().all(|a| {
            self.accesses
                .iter()
                .filter(|b| a.tensor == b.tensor && (a.write || b.write))
                .all(|b| {
                    let private = earlier.split == Split::EachThread && a.write
                        || self.split == Split::EachThread && b.write;
                    private || stays_in_slice(a, b, slices)
                })
        })
    }
}
