use laptime_workload::Window;

use super::{
    Definition, Forward, Gradient, Layer, Net,
    conv2d::{convolve, gradient_operands},
    definition::window_constants,
    iteration::{
        Index::{self, At, Flat, Met, MetBy},
        Iteration,
        Operand::{Input, Output},
        OperandAxes, through,
    },
};
use crate::{axis::Axis, tensor::TensorId};

/// (x (B, H, W, C), w (O, C/groups, kernel height, kernel width)) → (y (B, H', W', O)): a convolution of each
/// group of channels by itself (Krizhevsky et al. 2012, Xie et al. 2017). Group g of C/groups channels, one
/// behind the other, makes group g of O/groups.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupedConv2d {
    /// What of x each value of y sees.
    pub window: Window,
    /// How many groups there are.
    pub groups: usize,
}

/// (dy (B, H', W', O), w (O, C/groups, …)) → (dx (B, H, W, C)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupedConv2dGradInput {
    /// The convolution's.
    pub window: Window,
    /// The convolution's.
    pub groups: usize,
}

/// (x (B, H, W, C), dy (B, H', W', O)) → (dw (O, C/groups, …)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupedConv2dGradWeight {
    /// The convolution's.
    pub window: Window,
    /// The convolution's.
    pub groups: usize,
}

/// Channels of x, of y, and filters: those of a group lie together.
const INPUTS: Index = Flat(&[Axis::Group, Axis::Input]);
const OUTPUTS: Index = Flat(&[Axis::Group, Axis::Output]);

const FILTERS: [Index; 4] = [
    OUTPUTS,
    At(Axis::Input),
    At(Axis::KernelHeight),
    At(Axis::KernelWidth),
];

fn images(channels: Index) -> [Index; 4] {
    [At(Axis::Batch), At(Axis::Height), At(Axis::Width), channels]
}

fn met(window: &Window, which: fn(super::Slide) -> Index, channels: Index) -> Vec<Index> {
    let mut at = through(window, which, Axis::Channel);
    at[3] = channels;
    at
}

fn constants(window: &Window, groups: usize) -> Vec<(&'static str, String)> {
    let mut constants = window_constants(window);
    constants.push(("groups", groups.to_string()));
    constants
}

impl Definition for GroupedConv2d {
    fn name(&self) -> &'static str {
        "grouped_conv2d"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        constants(&self.window, self.groups)
    }

    /// y\[b, p, g·O + o\] = Σ over taps and i of x\[b, what the tap meets at p, g·I + i\]·w\[g·O + o, i, tap\]
    fn iteration(&self, _: &OperandAxes) -> Iteration {
        Iteration::product(
            [
                Input(0).at(met(&self.window, Met, INPUTS)),
                Input(1).at(FILTERS),
            ],
            Output(0).at(images(OUTPUTS)),
        )
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let Self { window, groups } = *self;
        let [x, w, dy] = gradient_operands();
        Some(vec![
            Gradient::made(GroupedConv2dGradInput { window, groups }, [dy, w], [0]),
            Gradient::made(GroupedConv2dGradWeight { window, groups }, [x, dy], [1]),
        ])
    }

    fn takes_in(&self) -> bool {
        false
    }
}

impl Definition for GroupedConv2dGradInput {
    fn name(&self) -> &'static str {
        "grouped_conv2d_grad_input"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        constants(&self.window, self.groups)
    }

    /// dx\[b, p, g·I + i\] = Σ over taps and o of dy\[b, where the tap meets p, g·O + o\]·w\[g·O + o, i, tap\]
    fn iteration(&self, _: &OperandAxes) -> Iteration {
        Iteration::product(
            [
                Input(0).at(met(&self.window, MetBy, OUTPUTS)),
                Input(1).at(FILTERS),
            ],
            Output(0).at(images(INPUTS)),
        )
    }

    fn takes_in(&self) -> bool {
        false
    }
}

impl Definition for GroupedConv2dGradWeight {
    fn name(&self) -> &'static str {
        "grouped_conv2d_grad_weight"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        constants(&self.window, self.groups)
    }

    /// dw\[g·O + o, i, tap\] = Σ over b and p of x\[b, what the tap meets at p, g·I + i\]·dy\[b, p, g·O + o\]
    fn iteration(&self, _: &OperandAxes) -> Iteration {
        Iteration::product(
            [
                Input(0).at(met(&self.window, Met, INPUTS)),
                Input(1).at(images(OUTPUTS)),
            ],
            Output(0).at(FILTERS),
        )
    }
}

/// A convolution in groups, with a bias where it has one.
pub(super) fn build(
    net: &mut dyn Net,
    layer: &Layer,
    input: TensorId,
    (window, groups): (Window, usize),
    has_bias: bool,
) -> TensorId {
    let channels = net.extent(input, Axis::Channel) / groups;
    let filters = layer.channels() / groups;
    let op = GroupedConv2d { window, groups }.into();
    convolve(
        net,
        layer,
        input,
        (op, window),
        ([layer.channels(), channels], [channels, filters]),
        has_bias,
    )
}
