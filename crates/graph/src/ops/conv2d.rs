use laptime_workload::Window;

use super::{
    Definition, Form, Forward, Gradient, Layer, Net, Op, Saved, bias,
    definition::{window_constants, winograd},
    iteration::{
        Index::{self, At, Met, MetBy},
        Iteration,
        Operand::{Input, Output},
        OperandAxes, through,
    },
};
use crate::{
    axis::Axis,
    tensor::{Initial, TensorId},
};

/// (x (B, H, W, C), w (O, C, kernel height, kernel width)) → (y (B, H', W', O)): the
/// cross-correlation that the field calls a convolution; what lies outside of x is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv2d {
    /// What of x each value of y sees.
    pub window: Window,
}

/// (dy (B, H', W', O), w (O, C, …)) → (dx (B, H, W, C)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv2dGradInput {
    /// The convolution's.
    pub window: Window,
}

/// (x (B, H, W, C), dy (B, H', W', O)) → (dw (O, C, …)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv2dGradWeight {
    /// The convolution's.
    pub window: Window,
}

const FILTERS: [Index; 4] = [
    At(Axis::Output),
    At(Axis::Input),
    At(Axis::KernelHeight),
    At(Axis::KernelWidth),
];

/// Images with these channels, one position after the other.
pub(super) fn images(channel: Axis) -> [Index; 4] {
    [Axis::Batch, Axis::Height, Axis::Width, channel].map(At)
}

/// What the gradients of a convolution read of it, of whatever kind: x, w and dy.
pub(super) fn gradient_operands() -> [Saved; 3] {
    [
        Saved::Input(0, Form::Same),
        Saved::Input(1, Form::ProductAgain),
        Saved::Flowing(Form::Product),
    ]
}

impl Definition for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    /// y\[b, p, o\] = Σ over taps and i of x\[b, what the tap meets at p, i\]·w\[o, i, tap\]
    fn iteration(&self, _: &OperandAxes) -> Iteration {
        Iteration::product(
            [
                Input(0).at(through(&self.window, Met, Axis::Input)),
                Input(1).at(FILTERS),
            ],
            Output(0).at(images(Axis::Output)),
        )
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let window = self.window;
        let [x, w, dy] = gradient_operands();
        Some(vec![
            Gradient::made(Conv2dGradInput { window }, [dy, w], [0]),
            Gradient::made(Conv2dGradWeight { window }, [x, dy], [1]),
        ])
    }

    fn winograd_window(&self) -> Option<Window> {
        winograd(&self.window)
    }
}

impl Definition for Conv2dGradInput {
    fn name(&self) -> &'static str {
        "conv2d_grad_input"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    /// dx\[b, p, i\] = Σ over taps and o of dy\[b, where the tap meets p, o\]·w\[o, i, tap\]
    fn iteration(&self, _: &OperandAxes) -> Iteration {
        Iteration::product(
            [
                Input(0).at(through(&self.window, MetBy, Axis::Output)),
                Input(1).at(FILTERS),
            ],
            Output(0).at(images(Axis::Input)),
        )
    }

    fn winograd_window(&self) -> Option<Window> {
        winograd(&self.window)
    }
}

impl Definition for Conv2dGradWeight {
    fn name(&self) -> &'static str {
        "conv2d_grad_weight"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    /// dw\[o, i, tap\] = Σ over b and p of x\[b, what the tap meets at p, i\]·dy\[b, p, o\]
    fn iteration(&self, _: &OperandAxes) -> Iteration {
        Iteration::product(
            [
                Input(0).at(through(&self.window, Met, Axis::Input)),
                Input(1).at(images(Axis::Output)),
            ],
            Output(0).at(FILTERS),
        )
    }

    fn winograd_window(&self) -> Option<Window> {
        winograd(&self.window)
    }
}

/// A convolution, with a bias where it has one.
pub(super) fn build(
    net: &mut dyn Net,
    layer: &Layer,
    input: TensorId,
    window: Window,
    has_bias: bool,
) -> TensorId {
    let (channels, filters) = (net.extent(input, Axis::Channel), layer.channels());
    let op = Conv2d { window }.into();
    convolve(
        net,
        layer,
        input,
        (op, window),
        ([filters, channels], [channels, filters]),
        has_bias,
    )
}

/// A convolution by this operation, with weights of these extents for each tap, and of whose outputs each sees so many
/// channels, of whose channels each is seen by so many outputs; with a bias where it has one.
pub(super) fn convolve(
    net: &mut dyn Net,
    layer: &Layer,
    input: TensorId,
    (op, window): (Op, Window),
    ([outputs, inputs], [seen, seen_by]): ([usize; 2], [usize; 2]),
    has_bias: bool,
) -> TensorId {
    let name = layer.name;
    let [height, width] = window.kernel;
    let (fan_in, fan_out) = (height * width * seen, height * width * seen_by);
    let weight = net.parameter(
        format!("{name}.weight"),
        &[
            (Axis::Output, outputs),
            (Axis::Input, inputs),
            (Axis::KernelHeight, height),
            (Axis::KernelWidth, width),
        ],
        Initial::of_weights(layer.initializer, fan_in, fan_out),
    );
    let suffix = if has_bias { ".product" } else { "" };
    let product = net.value(format!("{name}{suffix}"), &layer.shape);
    let operands = [net.operand(input), net.operand_again(weight)];
    net.operation(op, &operands, &[product]);
    if has_bias {
        bias::build(net, layer, product, fan_in)
    } else {
        product
    }
}
