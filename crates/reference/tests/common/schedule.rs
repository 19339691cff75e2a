//! Schedules written by hand.

use laptime_graph::{
    OpId, Program, Role, TensorId,
    schedule::{Access, Arena, Buffer, Kernel, Layout, Part, Schedule, Split, Stage},
};

use super::tensor;

/// One stage a kernel, every tensor that a kernel reads or that outlives it in a buffer of its
/// own. The kernels are given by the names of their operations.
pub fn schedule(program: &Program, kernels: &[&[&str]]) -> Schedule {
    let mut remaining: Vec<OpId> = program.operations_by_id().map(|(id, _)| id).collect();
    let mut schedule = Schedule {
        target: "test".into(),
        passes: Vec::new(),
        simplifications: Vec::new(),
        stages: Vec::new(),
        buffers: Vec::new(),
        scratch_bytes: 0,
        zero_bytes: 0,
    };
    for names in kernels {
        let operations: Vec<OpId> = names
            .iter()
            .map(|name| {
                let is_named = |id: &OpId| program.operation(*id).op.name() == *name;
                let place = remaining.iter().position(is_named).expect("an operation");
                remaining.remove(place)
            })
            .collect();
        schedule.stages.push(Stage {
            slices: 1,
            kernels: vec![Kernel {
                operations,
                split: Split::First,
                accesses: Vec::new(),
            }],
            barrier: true,
        });
    }
    assert!(remaining.is_empty(), "{remaining:?}");
    for id in (0..program.tensors.len()).map(TensorId) {
        if reaches_memory(program, &schedule, id) {
            place(&mut schedule, id, program);
        }
    }
    declare(program, &mut schedule);
    schedule
}

fn reaches_memory(program: &Program, schedule: &Schedule, id: TensorId) -> bool {
    let apart = |kernel: &Kernel| {
        let of = |pick: fn(&laptime_graph::Operation) -> &Vec<TensorId>| {
            let operations = kernel.operations.iter();
            operations
                .flat_map(|id| pick(program.operation(*id)))
                .any(|one| *one == id)
        };
        of(|operation| &operation.inputs) && !of(|operation| &operation.outputs)
    };
    match program.tensor(id).role {
        Role::Input { .. } => false,
        Role::Parameter(_)
        | Role::Statistic(_)
        | Role::Moment { .. }
        | Role::Metric
        | Role::Accumulator { .. } => true,
        Role::Activation | Role::Gradient { .. } | Role::Rounded { .. } => schedule
            .stages
            .iter()
            .any(|stage| stage.kernels.iter().any(apart)),
    }
}

/// Appends a buffer of plain rows to the arena that the tensor belongs to.
fn place(schedule: &mut Schedule, id: TensorId, program: &Program) {
    let tensor = program.tensor(id);
    let columns = *tensor.shape.last().expect("an extent");
    let arena = if tensor.role.is_kept() {
        Arena::Persistent
    } else {
        Arena::Step
    };
    schedule.buffers.push(Buffer {
        tensor: id,
        layout: Layout::Rows {
            columns,
            stride: columns,
        },
        arena,
        offset_bytes: schedule.arena_bytes(arena),
        bytes: 4 * tensor.elements(),
        copies: 1,
        sums_bytes: 0,
    });
}

/// Gives every kernel the accesses that its operations need.
pub fn declare(program: &Program, schedule: &mut Schedule) {
    let buffers = schedule.buffers.clone();
    for stage in &mut schedule.stages {
        for kernel in &mut stage.kernels {
            kernel.accesses.clear();
            for operation in kernel.operations.iter().map(|id| program.operation(*id)) {
                let reads = operation.inputs.iter().map(|id| (*id, false));
                let writes = operation.outputs.iter().map(|id| (*id, true));
                for (tensor, write) in reads.chain(writes) {
                    if buffers.iter().any(|buffer| buffer.tensor == tensor) {
                        kernel.accesses.push(Access {
                            tensor,
                            write,
                            part: Part::First,
                        });
                    }
                }
            }
        }
    }
}

/// The buffer of the tensor of this name.
pub fn buffer<'a>(schedule: &'a mut Schedule, program: &Program, name: &str) -> &'a mut Buffer {
    let id = tensor(program, name);
    let buffers = schedule.buffers.iter_mut();
    let mut found = buffers.filter(|buffer| buffer.tensor == id);
    found.next().unwrap_or_else(|| panic!("no buffer `{name}`"))
}

/// Stores a tensor in another way, in a place that nothing else uses.
pub fn store(
    schedule: &mut Schedule,
    program: &Program,
    name: &str,
    layout: Layout,
    copies: usize,
) {
    let arena = buffer(schedule, program, name).arena;
    let offset_bytes = schedule.arena_bytes(arena);
    let elements = program.tensor(tensor(program, name)).elements();
    let buffer = buffer(schedule, program, name);
    buffer.layout = layout;
    buffer.offset_bytes = offset_bytes;
    buffer.bytes = 4 * layout.stored_elements(elements);
    buffer.copies = copies;
}
