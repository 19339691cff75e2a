//! Gives every tensor that reaches memory its layout and its place.

use laptime_graph::{
    Program, Role, Tensor, TensorId,
    schedule::{Arena, Buffer, Layout, Part, Split, Stage},
};

use crate::simd::LANES;

/// Buffers start on cache lines, so that no two threads write to the same line.
const LINE_BYTES: usize = 64;

/// Between persistent buffers. A parameter and its moments are as long as each other, often a
/// multiple of 4096 bytes; a load then waits for an earlier store whose address has the same low
/// 12 bits. Without the gap a Fashion-MNIST step took ten times as long.
const GAP_BYTES: usize = 17 * LINE_BYTES;

/// The extent of a tensor along an axis as slices count it: 0 for rows, positions or outputs, 1 for
/// columns, channels or inputs.
pub(super) fn extent(program: &Program, id: TensorId, axis: usize) -> usize {
    match (&program.tensor(id).shape[..], axis) {
        ([], _) | ([_], 0) => 1,
        ([columns], _) => *columns,
        ([rows, _], 0) => *rows,
        ([_, columns], _) => *columns,
        (&[outputs, inputs, ..], _) if is_weight(program, id) => [outputs, inputs][axis],
        (&[_, ref positions @ .., _], 0) => positions.iter().product(),
        (&[.., channels], _) => channels,
    }
}

/// Whether the tensor is stored as images.
pub(super) fn is_images(program: &Program, id: TensorId) -> bool {
    program.tensor(id).shape.len() == 4 && !is_weight(program, id)
}

/// Whether the tensor is the weights of a product, rounded or not, their moment or their gradient.
pub(crate) fn is_weight(program: &Program, tensor: TensorId) -> bool {
    let parameter = match program.tensor(tensor).role {
        Role::Moment { of } | Role::Gradient { of } | Role::Rounded { of } => of,
        _ => tensor,
    };
    let Tensor { role, shape, .. } = program.tensor(parameter);
    matches!(role, Role::Parameter(_)) && shape.len() > 1
}

/// The buffers of all tensors that the stages touch.
pub(super) fn plan(program: &Program, stages: &[Stage]) -> Vec<Buffer> {
    let mut buffers = Vec::new();
    let mut persistent_bytes = 0;
    for (tensor, _) in program.persistent() {
        let buffer = unplaced(program, stages, tensor, Arena::Persistent);
        buffers.push(Buffer {
            offset_bytes: persistent_bytes,
            ..buffer
        });
        persistent_bytes += buffers[buffers.len() - 1].bytes + GAP_BYTES;
    }
    for arena in [Arena::Step, Arena::Thread] {
        let mut living: Vec<(Buffer, Vec<usize>)> = (0..program.tensors.len())
            .map(TensorId)
            .filter(|id| !program.tensor(*id).role.is_persistent())
            .filter_map(|id| {
                let regions = regions(stages, id);
                let wanted = !regions.is_empty() && arena_of(stages, id) == arena;
                wanted.then(|| (unplaced(program, stages, id, arena), regions))
            })
            .collect();
        // Large ones first: small ones find room between them.
        living.sort_by_key(|(buffer, _)| std::cmp::Reverse(buffer.bytes));
        buffers.extend(place(living));
    }
    buffers
}

/// Puts each buffer at the first offset where it meets none that lives at the same time.
fn place(living: Vec<(Buffer, Vec<usize>)>) -> Vec<Buffer> {
    let mut placed: Vec<(Buffer, Vec<usize>)> = Vec::new();
    for (mut buffer, regions) in living {
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|(_, other)| other.iter().any(|region| regions.contains(region)))
            .map(|(other, _)| {
                (
                    other.offset_bytes,
                    other.offset_bytes + other.bytes * other.copies,
                )
            })
            .collect();
        taken.sort_unstable();
        for (start, end) in taken {
            if buffer.offset_bytes + buffer.bytes * buffer.copies <= start {
                break;
            }
            buffer.offset_bytes = buffer.offset_bytes.max(end);
        }
        placed.push((buffer, regions));
    }
    placed.into_iter().map(|(buffer, _)| buffer).collect()
}

/// The stretches between barriers in which a tensor must be kept, from its first use to its last.
/// Without a barrier at the step's end its last stretch is also its first.
fn regions(stages: &[Stage], id: TensorId) -> Vec<usize> {
    let count = stages.iter().filter(|stage| stage.barrier).count().max(1);
    let mut region = 0;
    let mut uses = Vec::new();
    for stage in stages {
        let accesses = stage.kernels.iter().flat_map(|kernel| &kernel.accesses);
        if accesses.into_iter().any(|access| access.tensor == id) {
            uses.push(region);
        }
        region += usize::from(stage.barrier);
    }
    match (uses.first(), uses.last()) {
        (Some(&first), Some(&last)) => (first..=last).map(|region| region % count).collect(),
        _ => Vec::new(),
    }
}

fn arena_of(stages: &[Stage], id: TensorId) -> Arena {
    let each_thread = stages
        .iter()
        .flat_map(|stage| &stage.kernels)
        .any(|kernel| {
            kernel.split == Split::EachThread
                && kernel
                    .accesses
                    .iter()
                    .any(|access| access.tensor == id && access.write)
        });
    if each_thread {
        Arena::Thread
    } else {
        Arena::Step
    }
}

fn unplaced(program: &Program, stages: &[Stage], tensor: TensorId, arena: Arena) -> Buffer {
    let shape = &program.tensor(tensor).shape;
    let columns = extent(program, tensor, 1);
    let partials = stages
        .iter()
        .flat_map(|stage| {
            stage
                .kernels
                .iter()
                .map(move |kernel| (stage.slices, kernel))
        })
        .find(|(_, kernel)| {
            kernel
                .accesses
                .iter()
                .any(|access| access.tensor == tensor && access.part == Part::Partial)
        })
        .map(|(slices, _)| slices);
    let stride = columns.next_multiple_of(LANES);
    let layout = match partials {
        Some(slices) => Layout::Partials {
            slices,
            columns,
            stride,
        },
        None if is_weight(program, tensor) => match shape[2..] {
            [] => Layout::OutputLanes {
                columns,
                lanes: LANES,
            },
            ref kernel => Layout::FilterLanes {
                inputs: columns,
                taps: kernel.iter().product(),
                lanes: LANES,
            },
        },
        None if is_images(program, tensor) => {
            let (positions, channels) = (extent(program, tensor, 0), columns);
            let stride = shape[0].next_multiple_of(LANES);
            match program.tensor(tensor).role {
                Role::Rounded { .. } => Layout::SamplePairs {
                    positions,
                    channels,
                    stride,
                },
                _ => Layout::SampleLanes {
                    positions,
                    channels,
                    stride,
                },
            }
        }
        None => Layout::Rows { columns, stride },
    };
    let elements = layout.stored_elements(program.tensor(tensor).elements());
    Buffer {
        tensor,
        layout,
        arena,
        offset_bytes: 0,
        bytes: (elements * layout.value_bytes()).next_multiple_of(LINE_BYTES),
        // The next step's partial sums are written while slower threads still read this one's.
        copies: if partials.is_some() { 2 } else { 1 },
    }
}
