//! Chooses which operations become one kernel.

use laptime_graph::{FusionKind, OpId, Program};

use crate::ops;

/// The operations of the Program, those of a taken fusion together at the place of the first; fusions
/// that share an operation are one.
pub(super) fn group(program: &Program, taken: &[FusionKind]) -> Vec<Vec<OpId>> {
    // The first operation of each one's group.
    let mut first: Vec<OpId> = program.operations_by_id().map(|(id, _)| id).collect();
    let mut groups: Vec<Vec<OpId>> = first.iter().map(|id| vec![*id]).collect();
    for fusion in &program.fusions {
        if !taken.contains(&fusion.kind) {
            continue;
        }
        // Pixels are read by many kernels; they are made in one, in the shape that is read, and
        // rounded in another.
        let is_fused = |id: &&OpId| {
            fusion.kind != FusionKind::PixelsAtFirstRead
                || ops::of(&program.operation(**id).op).is_of_pixels()
        };
        let fused = fusion.operations.iter().filter(is_fused);
        let joined: Vec<OpId> = fused.map(|id| first[id.0]).collect();
        let Some(&earliest) = joined.iter().min() else {
            continue;
        };
        for other in joined.into_iter().filter(|other| *other != earliest) {
            let moved = std::mem::take(&mut groups[other.0]);
            for id in &moved {
                first[id.0] = earliest;
            }
            groups[earliest.0].extend(moved);
        }
    }
    groups.retain(|group| !group.is_empty());
    for group in &mut groups {
        group.sort_unstable();
    }
    groups
}
