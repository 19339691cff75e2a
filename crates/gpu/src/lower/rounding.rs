//! Where values are rounded for products. No dispatch is spent on it.
//!
//! What several kernels read is rounded by the kernel that makes it and lies in memory as words of two values: half the
//! bytes, and half the loads. Everything else (weights, which each product reads once; what has an odd number of
//! channels; where threads have no neighbours to ask) is rounded by who reads it.

use laptime_graph::{OpId, Operation, Program, TensorId, Uses};

use crate::{kernels, target::Target};

/// Puts each rounding behind the group that makes what it rounds, or in front of all groups that read what it makes, but
/// for those of pixels, which stand there anyway. Gives those that readers do.
pub(super) fn round(
    program: &Program,
    uses: &Uses,
    groups: &mut [Vec<OpId>],
    pixels: &[OpId],
    target: Target,
) -> Vec<OpId> {
    let mut place = vec![None; program.operations.len()];
    for (number, group) in groups.iter().enumerate() {
        for id in group {
            place[id.0] = Some(number);
        }
    }
    let is_rounding = |operation: &Operation| operation.op.definition().is_rounding();
    let roundings = program.operations_by_id();
    let roundings = roundings
        .filter(|(id, operation)| is_rounding(operation) && !pixels.contains(id))
        .map(|(id, operation)| (id, operation.inputs[0], operation.outputs[0]));
    let mut by_readers = Vec::new();
    for (id, from, made) in roundings {
        let maker = uses.maker(from).and_then(|maker| place[maker.0]);
        match maker.map(|number| &mut groups[number]) {
            Some(group)
                if is_worth_a_place(program, uses, from, made)
                    && kernels::can_pack(program, uses, group, from, target) =>
            {
                group.push(id);
            }
            _ => by_readers.push((id, made)),
        }
    }
    // The last one first, so that they stand in order.
    for &(id, made) in by_readers.iter().rev() {
        let readers = uses.readers(made).iter();
        let mut readers: Vec<usize> = readers.filter_map(|reader| place[reader.0]).collect();
        readers.sort_unstable();
        readers.dedup();
        for number in readers {
            groups[number].insert(0, id);
        }
    }
    by_readers.into_iter().map(|(id, _)| id).collect()
}

/// Whether half the bytes are read more often than they are written besides the whole ones.
fn is_worth_a_place(program: &Program, uses: &Uses, from: TensorId, made: TensorId) -> bool {
    let is_read_whole = uses.readers(from).len() > 1 || from == program.logits;
    !is_read_whole || uses.readers(made).len() > 1
}
