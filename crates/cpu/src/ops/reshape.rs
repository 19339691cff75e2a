use laptime_graph::{Dropout, Reshape};

use super::{Arranging, CpuOp, Cut, Group, Places, Task};
use crate::kernels::{Rearrange, Stored};

impl CpuOp for Reshape {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.by_samples()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        rearrange(group, at, None)
    }

    fn is_of_pixels(&self) -> bool {
        true
    }
}

/// Each sample's values in their order, in another layout or with some of them dropped.
pub(super) fn rearrange(group: &Group, at: &Places, drop: Option<Dropout>) -> Task {
    let (x, y) = (group.main.inputs[0], group.last().outputs[0]);
    let stored = |id| Stored {
        place: at.place(id),
        layout: at.buffer(id).layout,
    };
    let samples = at.program.batch_size;
    Task::Rearrange(Rearrange {
        x: stored(x),
        y: stored(y),
        samples,
        values: at.program.tensor(y).elements() / samples,
        drop,
    })
}
