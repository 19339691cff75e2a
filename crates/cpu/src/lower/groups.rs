//! Chooses which operations become one kernel.

use laptime_graph::{FusionKind, Op, OpId, Operation, Program};

/// The operations of the Program, those of a taken fusion together at the place of the first.
pub(super) fn group(program: &Program, taken: &[FusionKind]) -> Vec<Vec<OpId>> {
    let mut group_of: Vec<Option<usize>> = vec![None; program.operations.len()];
    let fusions: Vec<Vec<OpId>> = program
        .fusions
        .iter()
        .filter(|fusion| taken.contains(&fusion.kind))
        .map(|fusion| match fusion.kind {
            // Pixels are read by many kernels; they are made in one, in the shape that is read, and
            // rounded in another.
            FusionKind::PixelsAtFirstRead => {
                let makes = |op: &Op| matches!(op, Op::ScalePixels { .. } | Op::Reshape);
                let all = fusion.operations.iter().copied();
                all.filter(|id| makes(&program.operation(*id).op)).collect()
            }
            _ => fusion.operations.clone(),
        })
        .collect();
    for (number, fusion) in fusions.iter().enumerate() {
        for id in fusion {
            group_of[id.0] = Some(number);
        }
    }
    program
        .operations_by_id()
        .filter_map(|(id, _)| match group_of[id.0] {
            None => Some(vec![id]),
            Some(number) => {
                let operations = &fusions[number];
                (operations.first() == Some(&id)).then(|| operations.clone())
            }
        })
        .collect()
}

/// The operation that gives a group its kernel: the first, but that filters may be rounded before it.
pub(crate) fn main_operation<'a>(program: &'a Program, group: &[OpId]) -> &'a Operation {
    let mut operations = group.iter().map(|id| program.operation(*id));
    operations
        .find(|operation| operation.op != Op::Round)
        .unwrap_or_else(|| program.operation(group[0]))
}
