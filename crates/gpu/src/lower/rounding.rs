//! Where values are rounded for products.
//!
//! Rounding is no dispatch of its own: who reads a rounded value rounds it, which is cheaper than a trip to memory.

use laptime_graph::{OpId, Operation, Program, TensorId, Uses};

/// Puts each rounding in front of all groups that read what it makes, but for those of pixels, which stand there anyway.
/// Gives those that are done so.
pub(super) fn round(
    program: &Program,
    uses: &Uses,
    groups: &mut [Vec<OpId>],
    pixels: &[OpId],
) -> Vec<OpId> {
    let mut place = vec![None; program.operations.len()];
    for (number, group) in groups.iter().enumerate() {
        for id in group {
            place[id.0] = Some(number);
        }
    }
    let is_rounding = |operation: &Operation| operation.op.definition().is_rounding();
    // The last one first, so that they stand in order.
    let roundings: Vec<(OpId, TensorId)> = program
        .operations_by_id()
        .filter(|(id, operation)| is_rounding(operation) && !pixels.contains(id))
        .map(|(id, operation)| (id, operation.outputs[0]))
        .collect();
    for &(id, made) in roundings.iter().rev() {
        let readers = uses.readers(made).iter();
        let mut readers: Vec<usize> = readers.filter_map(|reader| place[reader.0]).collect();
        readers.sort_unstable();
        readers.dedup();
        for number in readers {
            groups[number].insert(0, id);
        }
    }
    roundings.into_iter().map(|(id, _)| id).collect()
}
