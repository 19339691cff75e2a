use laptime_workload::Window;

use super::{
    Definition, Form, Forward, Gradient, Layer, Net, Saved, Shapes, bias,
    definition::window_constants,
};
use crate::{
    simplification::{Simplification, multiplied_pairs},
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

/// Of x (B, H, W, C) and y (B, H', W', O).
fn flops(window: &Window, x: &[usize], y: &[usize], taken: &[Simplification]) -> u64 {
    let pairs = multiplied_pairs(window, [x[1], x[2]], [y[1], y[2]], taken);
    2 * (x[0] * x[3] * y[3] * pairs) as u64
}

impl Definition for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    fn flops(&self, of: &Shapes, taken: &[Simplification]) -> u64 {
        flops(&self.window, of.inputs[0], of.outputs[0], taken)
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let window = self.window;
        let (x, w) = (
            Saved::Input(0, Form::Same),
            Saved::Input(1, Form::ProductAgain),
        );
        let dy = Saved::Flowing(Form::Product);
        Some(vec![
            Gradient::made(Conv2dGradInput { window }, [dy, w], [0]),
            Gradient::made(Conv2dGradWeight { window }, [x, dy], [1]),
        ])
    }

    fn is_product(&self) -> bool {
        true
    }
}

impl Definition for Conv2dGradInput {
    fn name(&self) -> &'static str {
        "conv2d_grad_input"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    fn flops(&self, of: &Shapes, taken: &[Simplification]) -> u64 {
        flops(&self.window, of.outputs[0], of.inputs[0], taken)
    }

    fn is_product(&self) -> bool {
        true
    }
}

impl Definition for Conv2dGradWeight {
    fn name(&self) -> &'static str {
        "conv2d_grad_weight"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    fn flops(&self, of: &Shapes, taken: &[Simplification]) -> u64 {
        flops(&self.window, of.inputs[0], of.inputs[1], taken)
    }

    fn is_product(&self) -> bool {
        true
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
    let name = layer.name;
    let last = |shape: &[usize]| shape.last().copied().unwrap_or(1);
    let (channels, filters) = (last(net.shape(input)), last(&layer.shape));
    let [height, width] = window.kernel;
    let weight = net.parameter(
        format!("{name}.weight"),
        vec![filters, channels, height, width],
        Initial::GlorotUniform {
            fan_in: height * width * channels,
            fan_out: height * width * filters,
        },
    );
    let suffix = if has_bias { ".product" } else { "" };
    let product = net.value(format!("{name}{suffix}"), layer.shape.clone());
    let operands = [net.operand(input), net.operand_again(weight)];
    net.operation(Conv2d { window }.into(), &operands, &[product]);
    if has_bias {
        bias::build(net, layer, product)
    } else {
        product
    }
}
