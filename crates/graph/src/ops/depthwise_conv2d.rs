use laptime_workload::Window;

use super::{
    Definition, Forward, Gradient, Layer, Net,
    conv2d::{convolve, gradient_operands, images},
    definition::window_constants,
    iteration::{
        Index::{self, At, Met, MetBy, Only},
        Iteration,
        Operand::{Input, Output},
        OperandAxes, through,
    },
};
use crate::{axis::Axis, tensor::TensorId};

/// (x (B, H, W, C), w (C, 1, kernel height, kernel width)) → (y (B, H', W', C)): a convolution of each channel
/// by itself (Howard et al. 2017).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DepthwiseConv2d {
    /// What of x each value of y sees.
    pub window: Window,
}

/// (dy (B, H', W', C), w (C, 1, …)) → (dx (B, H, W, C)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DepthwiseConv2dGradInput {
    /// The convolution's.
    pub window: Window,
}

/// (x (B, H, W, C), dy (B, H', W', C)) → (dw (C, 1, …)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DepthwiseConv2dGradWeight {
    /// The convolution's.
    pub window: Window,
}

const FILTERS: [Index; 4] = [
    At(Axis::Channel),
    Only,
    At(Axis::KernelHeight),
    At(Axis::KernelWidth),
];

impl Definition for DepthwiseConv2d {
    fn name(&self) -> &'static str {
        "depthwise_conv2d"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    /// y\[b, p, c\] = Σ over taps of x\[b, what the tap meets at p, c\]·w\[c, tap\]
    fn iteration(&self, _: &OperandAxes) -> Iteration {
        Iteration::product(
            [
                Input(0).at(through(&self.window, Met, Axis::Channel)),
                Input(1).at(FILTERS),
            ],
            Output(0).at(images(Axis::Channel)),
        )
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let window = self.window;
        let [x, w, dy] = gradient_operands();
        Some(vec![
            Gradient::made(DepthwiseConv2dGradInput { window }, [dy, w], [0]),
            Gradient::made(DepthwiseConv2dGradWeight { window }, [x, dy], [1]),
        ])
    }

    fn takes_in(&self) -> bool {
        false
    }
}

impl Definition for DepthwiseConv2dGradInput {
    fn name(&self) -> &'static str {
        "depthwise_conv2d_grad_input"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    /// dx\[b, p, c\] = Σ over taps of dy\[b, where the tap meets p, c\]·w\[c, tap\]
    fn iteration(&self, _: &OperandAxes) -> Iteration {
        Iteration::product(
            [
                Input(0).at(through(&self.window, MetBy, Axis::Channel)),
                Input(1).at(FILTERS),
            ],
            Output(0).at(images(Axis::Channel)),
        )
    }

    fn takes_in(&self) -> bool {
        false
    }
}

impl Definition for DepthwiseConv2dGradWeight {
    fn name(&self) -> &'static str {
        "depthwise_conv2d_grad_weight"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    /// dw\[c, tap\] = Σ over b and p of x\[b, what the tap meets at p, c\]·dy\[b, p, c\]
    fn iteration(&self, _: &OperandAxes) -> Iteration {
        Iteration::product(
            [
                Input(0).at(through(&self.window, Met, Axis::Channel)),
                Input(1).at(images(Axis::Channel)),
            ],
            Output(0).at(FILTERS),
        )
    }
}

/// A depthwise convolution, with a bias where it has one.
pub(super) fn build(
    net: &mut dyn Net,
    layer: &Layer,
    input: TensorId,
    window: Window,
    has_bias: bool,
) -> TensorId {
    let op = DepthwiseConv2d { window }.into();
    let extents = [layer.channels(), 1];
    convolve(net, layer, input, (op, window), (extents, [1, 1]), has_bias)
}
