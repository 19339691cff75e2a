//! Gives every tensor that reaches memory its layout and its place.
//!
//! An arena is a row of chunks, each a buffer of its own that one binding can hold, and no tensor
//! lies across two of them.

use laptime_graph::{
    Program, Role, TensorId, Uses,
    schedule::{Arena, Buffer, Layout, Stage},
};

use crate::{kernels::partials, ops::clip};

/// What bindings begin at on every adapter.
pub(crate) const ALIGNMENT_BYTES: usize = 256;

/// The buffers of all tensors that the stages touch.
pub(super) fn plan(
    program: &Program,
    uses: &Uses,
    stages: &[Stage],
    chunk_bytes: usize,
) -> Result<Vec<Buffer>, String> {
    let partials = partials_of_each(program, uses, stages);
    let unplaced = |tensor: TensorId, arena| {
        let layout = layout(program, uses, tensor, partials[tensor.0]);
        Buffer {
            tensor,
            layout,
            arena,
            offset_bytes: 0,
            bytes: layout.value_bytes() * layout.stored_elements(program.tensor(tensor).elements()),
            copies: 1,
            sums_bytes: 0,
        }
    };
    // Parameters first, then moments, each in the order of the layers: what one dispatch updates
    // lies in few chunks.
    let mut persistent: Vec<TensorId> = program.kept().map(|(id, _)| id).collect();
    let is_moment = |id: TensorId| matches!(program.tensor(id).role, Role::Moment { .. });
    // A step's Programs of other batch sizes, and of evaluation, must find parameters in the same
    // place; an evaluation has no moments.
    persistent.sort_by_key(|id| (is_moment(*id), *id));
    let mut buffers: Vec<Buffer> = Vec::new();
    let mut end_bytes = 0;
    for tensor in persistent {
        let mut buffer = unplaced(tensor, Arena::Persistent);
        check_size(program, &buffer, chunk_bytes)?;
        buffer.offset_bytes = fit(end_bytes, buffer.bytes, chunk_bytes);
        end_bytes = (buffer.offset_bytes + buffer.bytes).next_multiple_of(ALIGNMENT_BYTES);
        buffers.push(buffer);
    }
    let lives = lives(program, stages);
    let mut living: Vec<(Buffer, [usize; 2])> = Vec::new();
    for id in (0..program.tensors.len()).map(TensorId) {
        let role = &program.tensor(id).role;
        if let Some(mut life) = lives[id.0].filter(|_| !role.is_kept()) {
            // What is read behind the step stays to its end.
            if *role == Role::Metric || id == program.logits {
                life[1] = stages.len() - 1;
            }
            let buffer = unplaced(id, Arena::Step);
            check_size(program, &buffer, chunk_bytes)?;
            living.push((buffer, life));
        }
    }
    // Large ones first: small ones find room between them.
    living.sort_by_key(|(buffer, _)| std::cmp::Reverse(buffer.bytes));
    let mut placed: Vec<(Buffer, [usize; 2])> = Vec::new();
    for (mut buffer, life) in living {
        let mut taken: Vec<[usize; 2]> = placed
            .iter()
            .filter(|(_, other)| other[0] <= life[1] && life[0] <= other[1])
            .map(|(other, _)| [other.offset_bytes, other.offset_bytes + other.bytes])
            .collect();
        taken.sort_unstable();
        for [start, end] in taken {
            if buffer.offset_bytes + buffer.bytes <= start {
                break;
            }
            let end = end
                .next_multiple_of(ALIGNMENT_BYTES)
                .max(buffer.offset_bytes);
            buffer.offset_bytes = fit(end, buffer.bytes, chunk_bytes);
        }
        placed.push((buffer, life));
    }
    buffers.extend(placed.into_iter().map(|(buffer, _)| buffer));
    Ok(buffers)
}

/// The first place from `offset_bytes` on at which so many bytes lie in one chunk.
fn fit(offset_bytes: usize, bytes: usize, chunk_bytes: usize) -> usize {
    let left = chunk_bytes - offset_bytes % chunk_bytes;
    if bytes <= left {
        offset_bytes
    } else {
        offset_bytes + left
    }
}

fn check_size(program: &Program, buffer: &Buffer, chunk_bytes: usize) -> Result<(), String> {
    if buffer.bytes <= chunk_bytes {
        return Ok(());
    }
    Err(format!(
        "`{}` needs {} bytes in one piece, and the adapter binds {chunk_bytes} at most; take a \
         smaller --batch-size or another --device",
        program.tensor(buffer.tensor).name,
        buffer.bytes
    ))
}

/// The first and the last stage that touches each tensor.
fn lives(program: &Program, stages: &[Stage]) -> Vec<Option<[usize; 2]>> {
    let mut lives: Vec<Option<[usize; 2]>> = vec![None; program.tensors.len()];
    for (number, stage) in stages.iter().enumerate() {
        for access in stage.kernels.iter().flat_map(|kernel| &kernel.accesses) {
            lives[access.tensor.0].get_or_insert([number; 2])[1] = number;
        }
    }
    lives
}

fn layout(program: &Program, uses: &Uses, tensor: TensorId, partials: usize) -> Layout {
    let found = program.tensor(tensor);
    match found.shape[..] {
        [1] if let Some(slices) = clip::square_sums(program, uses, tensor) => Layout::Partials {
            slices,
            columns: 1,
            stride: 1,
        },
        // The order [tap][input][output] serves all three products of a convolution: neighbours
        // in it are neighbouring threads' in two of them.
        [outputs, inputs, height, width] if found.is_weight() => match partials {
            1 => Layout::FilterLanes {
                inputs,
                taps: height * width,
                lanes: outputs,
            },
            slices => Layout::FilterPartials {
                slices,
                inputs,
                taps: height * width,
                lanes: outputs,
            },
        },
        [.., columns] if partials > 1 => Layout::Partials {
            slices: partials,
            columns,
            stride: columns,
        },
        // What is rounded and in memory is there in half the bytes.
        [.., columns] if matches!(found.role, Role::Rounded { .. }) => Layout::RowPairs { columns },
        [.., columns] => Layout::Rows {
            columns,
            stride: columns,
        },
        [] => Layout::Rows {
            columns: 1,
            stride: 1,
        },
    }
}

/// In how many partial sums each tensor is left.
fn partials_of_each(program: &Program, uses: &Uses, stages: &[Stage]) -> Vec<usize> {
    let mut of_each = vec![1; program.tensors.len()];
    for kernel in stages.iter().flat_map(|stage| &stage.kernels) {
        let partials = partials(program, uses, &kernel.operations);
        for access in kernel.accesses.iter().filter(|access| access.write) {
            of_each[access.tensor.0] = partials;
        }
    }
    of_each
}
