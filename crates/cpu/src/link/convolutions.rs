//! Links convolutions, with the batch norms that go with them.

use laptime_graph::Op;
use laptime_workload::Window;

use super::{
    Group, Linker,
    segments::{forward, multiplied_taps},
};
use crate::kernels::{
    Conv2d, Conv2dGradInput, NormBehind, PairedConv2d, PairedConv2dGradInput, Task,
};

impl Linker<'_> {
    pub(super) fn conv2d(&self, group: &Group, window: &Window) -> Task {
        let inputs = &group.main.inputs;
        let is_norm = |op: &Op| matches!(op, Op::BatchNorm(_) | Op::BatchNormEvaluation(_));
        let norm = group.find(is_norm);
        let bias = group.find(|op| matches!(op, Op::Bias(_)));
        // In training a norm's gradient reads what the norm has read.
        let y = match norm {
            Some(norm) if matches!(norm.op, Op::BatchNorm(_)) => norm.inputs[0],
            _ => group.last().outputs[0],
        };
        let images = self.images(inputs[0]);
        let (x, y_shape) = (self.shape(inputs[0]), self.shape(y));
        let padding = self.padding(images);
        let mut conv = Conv2d {
            x: images,
            w: self.filters(group.unrounded(inputs[1])),
            y: self.images(y),
            bias: bias.map(|bias| self.place(bias.inputs[1])),
            norm: None,
            other: None,
            relu: false,
            segments: forward(window, x, y_shape, images.lanes_of_channels(), padding),
        };
        match norm.map(|norm| (norm, norm.op)) {
            Some((norm, Op::BatchNorm(_))) => {
                conv.norm = Some(NormBehind::Batch(Box::new(self.batch_norm(
                    group,
                    norm,
                    |id| self.images(id),
                ))));
            }
            Some((norm, Op::BatchNormEvaluation(op))) => {
                conv.norm = Some(NormBehind::Moving {
                    scale: self.scale(norm, op.epsilon),
                    mean: self.place(norm.inputs[3]),
                    variance: self.place(norm.inputs[4]),
                });
                conv.other = group.other().map(|id| self.images(id));
                conv.relu = group.relu();
            }
            _ => conv.relu = group.relu(),
        }
        if images.paired {
            let taps = multiplied_taps(window, x, y_shape, padding.left_out);
            Task::PairedConv2d(PairedConv2d { conv, taps })
        } else {
            Task::Conv2d(conv)
        }
    }

    pub(super) fn conv2d_grad_input(&self, group: &Group, window: &Window) -> Task {
        let (inputs, outputs) = (&group.main.inputs, &group.main.outputs);
        let last = group.last().outputs[0];
        let norm = group.find(|op| matches!(op, Op::BatchNormGrad(_)));
        let relu = group.find(|op| matches!(op, Op::ReluGrad(_)));
        let w = self.filters(group.unrounded(inputs[1]));
        let (x, y) = (self.shape(outputs[0]), self.shape(inputs[0]));
        let dy = self.images(inputs[0]);
        let conv = Conv2dGradInput {
            dy,
            w,
            dx: self.images(norm.map_or(last, |norm| norm.inputs[0])),
            other: group.other().map(|id| self.images(id)),
            relu: relu.map(|relu| self.images(relu.inputs[0])),
            norm: norm.map(|norm| {
                let images = |id| self.images(id);
                Box::new(self.batch_norm_grad(group, norm, None, images))
            }),
            segments: self.input_gradient(window, x, y, dy, w),
        };
        if dy.paired {
            let taps = multiplied_taps(window, x, y, &self.schedule.simplifications);
            Task::PairedConv2dGradInput(PairedConv2dGradInput { conv, taps })
        } else {
            Task::Conv2dGradInput(conv)
        }
    }
}
