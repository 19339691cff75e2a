use laptime_graph::{
    FusionKind, Op, POSITIONS, SAMPLES, ScalePixels,
    schedule::{Part, Split},
};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, arranging::along, dense::is_cut_by_rows};
use crate::{
    extents::extent,
    kernels::{self, ScaleImages},
};

/// Rows or positions a slice.
const ROWS: usize = 4;

/// Whether each thread reads a part of the rows only, as so many threads have too few slices of a dense layer.
fn is_read_by_rows(at: &Arranging) -> bool {
    let last = *at.outputs().last().expect("a kernel writes");
    let mut readers = at.uses.readers(last).iter();
    readers.any(|id| {
        let own = at.program.operation(*id);
        matches!(own.op, Op::Dense(_)) && is_cut_by_rows(at, own.outputs[0])
    })
}

impl CpuOp for ScalePixels {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        let axes = if at.makes_images() {
            POSITIONS
        } else {
            SAMPLES
        };
        let rows = if at.makes_images() {
            extent(at.program, at.main().outputs[0], POSITIONS)
        } else if !at.taken.contains(&FusionKind::PixelsAtFirstRead) {
            at.program.batch_size
        } else if is_read_by_rows(at) {
            return at.by_samples();
        } else {
            return at.by_each_thread();
        };
        let slices = Some(rows.div_ceil(ROWS));
        vec![at.cut(slices, Split::Slices, |_| along(axes, ROWS))]
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (divisor, to) = (self.divisor, group.last().outputs[0]);
        let column = at.column(group.main.inputs[0]);
        let a_slice = match group.part(to) {
            Part::Along { width, .. } => width,
            _ => usize::MAX,
        };
        if at.is_images(to) {
            let to = at.images(to);
            let positions_a_slice = a_slice.min(to.positions);
            Task::ScaleImages(ScaleImages {
                column,
                divisor,
                to,
                positions_a_slice,
            })
        } else {
            let to = at.matrix(to);
            let rows_a_slice = a_slice.min(to.rows);
            Task::ScalePixels(kernels::ScalePixels {
                column,
                divisor,
                to,
                rows_a_slice,
            })
        }
    }

    fn is_of_pixels(&self) -> bool {
        true
    }
}
