use laptime_graph::{
    Bias, BiasGrad, CHANNELS,
    schedule::{Part, Split},
};

use super::{
    Arranging, CpuOp, Cut, Group, Places, Task, arranging::BY_CHANNELS, update::gradient_use,
};
use crate::kernels::{self, ChannelBias, ChannelBiasGrad};

impl CpuOp for Bias {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.value_by_value()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (x, y) = (group.main.inputs[0], group.last().outputs[0]);
        let bias = at.place(group.main.inputs[1]);
        if at.is_images(x) {
            let (x, y) = (at.images(x), at.images(y));
            let tiles = group.tiles(group.last().outputs[0]);
            Task::ChannelBias(ChannelBias { tiles, x, bias, y })
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
        at.vector_cut(at.sliced(dy, CHANNELS, |_| BY_CHANNELS), by_first)
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
