use super::{
    Definition, Form, Forward, Gradient, Layer, Net, Saved, bias,
    iteration::{
        Index::{self, At},
        Iteration,
        Operand::{Input, Output},
        OperandAxes, with_channel,
    },
};
use crate::{
    axis::Axis,
    tensor::{Initial, TensorId},
};

/// (x (B, I), w (O, I)) → (y (B, O)): `y = x·wᵀ`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dense;

/// (dy (B, O), w (O, I)) → (dx (B, I)): `dx = dy·w`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DenseGradInput;

/// (x (B, I), dy (B, O)) → (dw (O, I)): `dw = dyᵀ·x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DenseGradWeight;

const WEIGHTS: [Index; 2] = [At(Axis::Output), At(Axis::Input)];

impl Definition for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    /// y\[b, o\] = Σᵢ x\[b, i\]·w\[o, i\]
    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Iteration::product(
            [
                Input(0).at(with_channel(axes.inputs[0], Axis::Input)),
                Input(1).at(WEIGHTS),
            ],
            Output(0).at(with_channel(axes.outputs[0], Axis::Output)),
        )
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let (x, w) = (Saved::Input(0, Form::Same), Saved::Input(1, Form::Same));
        let dy = Saved::Flowing(Form::Product);
        Some(vec![
            Gradient::made(DenseGradInput, [dy, w], [0]),
            Gradient::made(DenseGradWeight, [x, dy], [1]),
        ])
    }
}

impl Definition for DenseGradInput {
    fn name(&self) -> &'static str {
        "dense_grad_input"
    }

    /// dx\[b, i\] = Σₒ dy\[b, o\]·w\[o, i\]
    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Iteration::product(
            [
                Input(0).at(with_channel(axes.inputs[0], Axis::Output)),
                Input(1).at(WEIGHTS),
            ],
            Output(0).at(with_channel(axes.outputs[0], Axis::Input)),
        )
    }
}

impl Definition for DenseGradWeight {
    fn name(&self) -> &'static str {
        "dense_grad_weight"
    }

    /// dw\[o, i\] = Σ_b x\[b, i\]·dy\[b, o\]
    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Iteration::product(
            [
                Input(0).at(with_channel(axes.inputs[0], Axis::Input)),
                Input(1).at(with_channel(axes.inputs[1], Axis::Output)),
            ],
            Output(0).at(WEIGHTS),
        )
    }
}

/// A product, with a bias where it has one.
pub(super) fn build(
    net: &mut dyn Net,
    layer: &Layer,
    input: TensorId,
    units: usize,
    has_bias: bool,
) -> TensorId {
    let name = layer.name;
    let inputs = net.extent(input, Axis::Channel);
    let initial = Initial::of_weights(layer.initializer, inputs, units);
    let weight = net.parameter(
        format!("{name}.weight"),
        &[(Axis::Output, units), (Axis::Input, inputs)],
        initial,
    );
    let suffix = if has_bias { ".product" } else { "" };
    let product = net.value(format!("{name}{suffix}"), &layer.shape);
    let operands = [net.operand(input), net.operand(weight)];
    net.operation(Dense.into(), &operands, &[product]);
    if has_bias {
        bias::build(net, layer, product, inputs)
    } else {
        product
    }
}
