//! Where a batch norm is done apart from what makes its sums.
//!
//! A norm needs sums over all positions. It is done with the product whose results it normalises, slice by slice,
//! which is best while there are slices enough for all threads. Where there are not, the product is cut into tiles,
//! leaves the sums of its pieces, and the norm is a kernel of its own behind a barrier, in tiles too. Sums are
//! the same either way, so this may depend on the number of threads.

use laptime_graph::{OpId, Program, Role, TensorId, Uses};

use crate::{
    extents::is_images,
    ops::{self, leaves_idle},
};

/// Takes norms out of their groups where that is better for so many threads; gives the norm that sums of each tensor
/// are left for.
pub(super) fn split(
    program: &Program,
    uses: &Uses,
    groups: &mut Vec<Vec<OpId>>,
    threads: usize,
) -> Vec<Option<OpId>> {
    let mut norms = vec![Vec::new(); program.tensors.len()];
    for (id, own) in program.operations_by_id() {
        if let Some(tensor) = ops::of(&own.op).sums_over(own) {
            norms[tensor.0].push(id);
        }
    }
    let mut group_of = vec![0; program.operations.len()];
    for (number, group) in groups.iter().enumerate() {
        for id in group {
            group_of[id.0] = number;
        }
    }
    let mut sums = vec![None; program.tensors.len()];
    let mut apart = vec![Vec::new(); groups.len()];
    for (number, norms) in norms.iter().enumerate() {
        let tensor = TensorId(number);
        // Two norms of one gradient have different sums.
        let ([norm], Some(maker)) = (&norms[..], uses.maker(tensor)) else {
            continue;
        };
        let (of_norm, of_maker) = (group_of[norm.0], group_of[maker.0]);
        let making: Vec<OpId> = groups[of_maker]
            .iter()
            .copied()
            .take_while(|id| id != norm)
            .collect();
        let begins = of_norm != of_maker;
        let is_last = making.last() == Some(&maker);
        let main = ops::main_operation(program, &making);
        // By Winograd's way results are not made in the order of positions.
        let may_leave = |id: &OpId| {
            let op = &program.operation(*id).op;
            ops::of(op).ends_with_sums(&main.op)
                && !(op.ends_chain() && making.iter().any(|id| program.may_be_by_winograd(*id)))
        };
        if is_last
            && making.iter().all(may_leave)
            && ops::of(&main.op).leaves_sums(making.len())
            && (!begins || groups[of_norm][0] == *norm)
            && needs_tiles(program, tensor, threads)
        {
            sums[number] = Some(*norm);
            if !begins {
                assert!(apart[of_maker].is_empty(), "a group has one norm");
                apart[of_maker] = groups[of_maker].split_off(making.len());
            }
        }
    }
    *groups = std::mem::take(groups)
        .into_iter()
        .zip(apart)
        .flat_map(|(group, apart)| [group, apart])
        .filter(|group| !group.is_empty())
        .collect();
    sums
}

/// Whether slices of these images leave threads idle that tiles would not.
fn needs_tiles(program: &Program, tensor: TensorId, threads: usize) -> bool {
    is_images(program, tensor)
        && !matches!(program.tensor(tensor).role, Role::Rounded { .. })
        && leaves_idle(program, tensor, threads)
}
