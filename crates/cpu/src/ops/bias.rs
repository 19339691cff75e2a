use laptime_graph::{
    Bias, BiasGrad,
    schedule::{Part, Split},
};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, arranging::COLUMNS, update::gradient_use};
use crate::kernels::{self, ChannelBias, ChannelBiasGrad};

impl CpuOp for Bias {
    fn link(&self, group: &Group, at: &Places) -> Task {
        let (x, y) = (group.main.inputs[0], group.last().outputs[0]);
        let bias = at.place(group.main.inputs[1]);
        if at.is_images(x) {
            let (x, y) = (at.images(x), at.images(y));
            Task::ChannelBias(ChannelBias { x, bias, y })
        } else {
            let (x, y) = (at.matrix(x), at.matrix(y));
            Task::Bias(kernels::Bias { x, bias, y })
        }
    }
}

impl CpuOp for BiasGrad {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        let dy = at.main().inputs[0];
        let first = |id| if id == dy { Part::Whole } else { Part::First };
        let by_first = at.cut(None, Split::First, first);
        at.vector_cut(at.sliced(dy, 1, |_| COLUMNS), by_first)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (dy, to) = (group.main.inputs[0], gradient_use(group, at));
        if at.is_images(dy) {
            let dy = at.images(dy);
            Task::ChannelBiasGrad(ChannelBiasGrad { dy, to })
        } else {
            let dy = at.matrix(dy);
            Task::BiasGrad(kernels::BiasGrad { dy, to })
        }
    }
}
