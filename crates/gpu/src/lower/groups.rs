//! Chooses which operations become one dispatch.

use laptime_graph::{
    Fusion, FusionKind, Op, OpId, Operation, Program, TensorId, Uses, schedule::Buffer,
};

use super::rounding;
use crate::{
    ops::{adds, is_of_pixels, joins_updates, live_taps, product},
    target::Target,
};

/// The operations of each dispatch, in the order of a step, and those operations that each reader does again.
pub(super) fn group(
    program: &Program,
    uses: &Uses,
    taken: &[FusionKind],
    target: Target,
) -> (Vec<Vec<OpId>>, Vec<OpId>) {
    let pixels = pixel_chain(program, uses, taken);
    let of_taken = program.fusions.iter().filter(|fusion| {
        fusion.kind != FusionKind::PixelsAtFirstRead && taken.contains(&fusion.kind)
    });
    // Rounding has rules of its own, behind this.
    let rounds = |id: &OpId| program.operation(*id).op.definition().is_rounding();
    let fusions: Vec<Vec<OpId>> = of_taken
        .map(|fusion| {
            let operations = fusion.operations.iter();
            operations.filter(|id| !rounds(id)).copied().collect()
        })
        .filter(|operations: &Vec<OpId>| is_worth_it(program, uses, operations))
        .collect();
    let mut fusion_of = vec![None; program.operations.len()];
    for fusion in fusions.iter().rev() {
        for id in fusion {
            fusion_of[id.0] = Some(fusion.as_slice());
        }
    }
    let mut groups = Vec::new();
    // Parameters that are not updated where their gradient is made are all updated at the end, in
    // one dispatch for each rule: ResNet50 has 159 of them, most of them a few hundred bytes.
    let mut updates: Vec<(Op, Vec<OpId>)> = Vec::new();
    for (id, operation) in program.operations_by_id() {
        let own = [id];
        let group = match fusion_of[id.0] {
            Some(fusion) if fusion[0] == id => fusion,
            Some(_) => continue,
            None if rounds(&id) => continue,
            None => own.as_slice(),
        };
        let is_fused = joins_updates(&operation.op) && group.len() > 1;
        if is_update(&operation.op) || is_fused {
            let last = group.last().expect("no group is empty");
            let rule = program.operation(*last).op;
            match updates.iter_mut().find(|(other, _)| *other == rule) {
                Some((_, updates)) => updates.extend_from_slice(group),
                None => updates.push((rule, group.to_vec())),
            }
        } else if !pixels.contains(&id) {
            groups.push(group.to_vec());
        }
    }
    for (_, mut updates) in updates {
        updates.sort();
        groups.push(updates);
    }
    let rounded = rounding::round(program, uses, &mut groups, &pixels, target);
    let groups = groups
        .iter()
        .map(|group| with_pixels(program, &pixels, group));
    (groups.collect(), [pixels.clone(), rounded].concat())
}

fn is_update(op: &Op) -> bool {
    op.definition().is_update()
}

/// The groups with the first dispatch of updates that binds too many chunks cut in two; `None`
/// where all fit, or hold a single update. It binds the chunks in which its tensors lie, and its
/// table.
pub(super) fn split_updates(
    program: &Program,
    groups: &[Vec<OpId>],
    buffers: &[Buffer],
    target: Target,
) -> Option<Vec<Vec<OpId>>> {
    let mut by_tensor = vec![None; program.tensors.len()];
    for buffer in buffers {
        by_tensor[buffer.tensor.0] = Some(buffer);
    }
    let chunk = |tensor: TensorId| {
        let buffer = by_tensor[tensor.0]?;
        Some((buffer.arena, buffer.offset_bytes / target.chunk_bytes))
    };
    let is_of_updates = |group: &[OpId]| {
        let last = group.last().expect("no group is empty");
        let first = &program.operation(group[0]).op;
        is_update(&program.operation(*last).op) && (is_update(first) || joins_updates(first))
    };
    for (place, group) in groups.iter().enumerate() {
        if !is_of_updates(group) {
            continue;
        }
        let updates = || {
            group
                .iter()
                .filter(|id| is_update(&program.operation(**id).op))
        };
        // What an operation of the group makes for the update, it makes of what it reads itself.
        let joined = |id: &OpId| {
            let gradient = program.operation(*id).inputs[0];
            let mut operations = group.iter().map(|id| program.operation(*id));
            operations.find(|one| one.outputs[0] == gradient)
        };
        let mut chunks = Vec::new();
        let fitting = updates().take_while(|id| {
            let reads = program.operation(**id).inputs.iter();
            let reads = reads.chain(joined(id).into_iter().flat_map(|one| &one.inputs));
            for of in reads.filter_map(|id| chunk(*id)) {
                if !chunks.contains(&of) {
                    chunks.push(of);
                }
            }
            chunks.len() < target.bindings
        });
        // A single one that does not fit is the caller's to refuse.
        let fitting = fitting.count().max(1);
        let fitting: Vec<OpId> = updates().take(fitting).copied().collect();
        // Zeros, and what is clipped, go where they are used.
        let is_used = |id: &OpId| {
            let made = program.operation(*id).outputs[0];
            let reads = |update: &OpId| program.operation(*update).inputs.contains(&made);
            fitting.contains(id) || fitting.iter().any(reads)
        };
        let (now, later): (Vec<OpId>, Vec<OpId>) =
            group.iter().copied().partition(|id| is_used(id));
        if !later.is_empty() {
            let mut split = groups.to_vec();
            split.splice(place..=place, [now, later]);
            return Some(split);
        }
    }
    None
}

/// The operations that turn bytes into what the first layers read, where every reader does them
/// for itself. Bytes are a quarter of the memory, and a division is cheaper than a dispatch.
fn pixel_chain(program: &Program, uses: &Uses, taken: &[FusionKind]) -> Vec<OpId> {
    let kind = FusionKind::PixelsAtFirstRead;
    let fusion = program.fusions.iter().find(|fusion| fusion.kind == kind);
    let Some(Fusion { operations, .. }) = fusion.filter(|_| taken.contains(&kind)) else {
        return Vec::new();
    };
    let of_pixels = |id: &&OpId| is_of_pixels(&program.operation(**id).op);
    let mut chain: Vec<OpId> = Vec::new();
    for id in operations.iter().take_while(of_pixels) {
        let made = chain.last().map(|last| program.operation(*last).outputs[0]);
        // Behind a value that several read stand these, and not one behind the other.
        if made.is_some_and(|made| uses.readers(made) != [*id]) {
            break;
        }
        chain.push(*id);
    }
    let is_last = chain.len() == operations.len();
    let makes_logits = |id: &OpId| program.operation(*id).outputs.contains(&program.logits);
    if is_last || chain.iter().any(makes_logits) {
        return Vec::new();
    }
    chain
}

/// The group, behind the operations that make the pixels it reads.
fn with_pixels(program: &Program, pixels: &[OpId], group: &[OpId]) -> Vec<OpId> {
    let made = pixels.last().map(|id| program.operation(*id).outputs[0]);
    let reads = |id: &OpId| made.is_some_and(|made| program.operation(*id).inputs.contains(&made));
    if group.iter().any(reads) {
        [pixels, group].concat()
    } else {
        group.to_vec()
    }
}

/// What is cut into partial sums cannot be used before they are added, but something may be added to one of
/// them; and where a weight gradient leaves out dead taps, an update that moves their weights is not done in its
/// place.
fn is_worth_it(program: &Program, uses: &Uses, operations: &[OpId]) -> bool {
    let [first, rest @ ..] = operations else {
        return true;
    };
    let first = program.operation(*first);
    let Some(product) = product::of(program, uses, first) else {
        return true;
    };
    let mut rest = rest.iter().map(|id| &program.operation(*id).op);
    let leaves_out =
        |op: &Op| op.definition().moves_without_gradient() && has_dead_taps(program, first);
    match product.splits {
        1 => !rest.any(leaves_out),
        _ => rest.all(adds),
    }
}

fn has_dead_taps(program: &Program, operation: &Operation) -> bool {
    let live = live_taps(operation, program);
    live.is_some_and(|live| live.count() < live.kernel[0] * live.kernel[1])
}
