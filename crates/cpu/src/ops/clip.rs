use laptime_graph::{
    CHANNELS, Clip, ClipFactor, SquareSum, TensorId,
    schedule::{Layout, Part, Split},
};

use super::{
    Arranging, CpuOp, Cut, Group, Places,
    arranging::{BY_CHANNELS, sixteen},
    update::{self, grid},
};
use crate::{
    extents::is_weight,
    kernels::{self, PartialSums},
    ops::Task,
};

impl CpuOp for SquareSum {
    /// As the gradient is, so that it stays with its thread: each slice makes a partial sum.
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        let gradient = at.main().inputs[0];
        let sliced = |axis, part: Part| {
            at.sliced(gradient, axis, |id| {
                if id == gradient { part } else { Part::Partial }
            })
        };
        if is_weight(at.program, gradient) {
            let axis = at.weight_axis();
            return vec![sliced(axis, sixteen(axis))];
        }
        let by_first = at.cut(None, Split::First, |_| Part::First);
        at.vector_cut(sliced(CHANNELS, BY_CHANNELS), by_first)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (gradient, sum) = (group.main.inputs[0], group.main.outputs[0]);
        let layout = at.buffer(gradient).layout;
        let elements = at.program.tensor(gradient).elements();
        Task::SquareSum(kernels::SquareSum {
            gradient: at.place(gradient),
            sum: at.place(sum),
            apart: match group.part(sum) {
                Part::Partial => Some(partial_sums(at, sum).apart),
                _ => None,
            },
            values: match layout {
                // What lies behind a vector means nothing; of a table, columns that are not there are 0.
                Layout::Rows { columns, .. } if columns == elements => elements,
                _ => layout.stored_elements(elements),
            },
            grid: grid(group, at, gradient),
        })
    }
}

impl CpuOp for ClipFactor {
    /// Thousands of sums at most cost less than a barrier.
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.by_each_thread()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let sums = group.main.inputs.iter();
        Task::ClipFactor(kernels::ClipFactor {
            max_norm: self.max_norm,
            sums: sums.map(|sum| partial_sums(at, *sum)).collect(),
            factor: at.place(group.main.outputs[0]),
        })
    }
}

impl CpuOp for Clip {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        update::cuts(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        update::update(
            group,
            at,
            Some(group.main.inputs[0]),
            Some(group.main.inputs[1]),
        )
    }
}

/// Where the sums are that make one number.
fn partial_sums(at: &Places, tensor: TensorId) -> PartialSums {
    let layout = at.buffer(tensor).layout;
    let apart = match layout {
        Layout::Partials { stride, .. } => stride,
        _ => 0,
    };
    PartialSums {
        place: at.place(tensor),
        count: layout.partials(),
        apart,
    }
}
