use super::{
    Definition, Form, Forward, Gradient, Layer, Net, Saved, Zeros,
    iteration::{
        Index::At,
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at,
    },
};
use crate::{
    axis::Axis,
    tensor::{Initial, TensorId},
};

/// (x (…, C), b (C)) → (y (…, C)): `y = x + b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bias;

/// (dy (…, C)) → (db (C)): the sum over all but the channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BiasGrad;

impl Definition for Bias {
    fn name(&self) -> &'static str {
        "bias"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let [x, y] = [Input(0), Output(0)].map(|one| one.at(at(axes.outputs[0])));
        let b = Input(1).at([At(Axis::Channel)]);
        Space::each(1, &[&x, &b], &[&y]).into()
    }

    /// A batch norm takes away the mean, and with it whatever was added to it: the true gradient is zero,
    /// and rounding errors in its place would be blown up to full steps by Adam.
    fn gradient(&self, forward: Forward) -> Option<Vec<Gradient>> {
        let of_bias = if forward.readers_ignore_mean {
            Gradient::made(Zeros, [], [1])
        } else {
            Gradient::made(BiasGrad, [Saved::Flowing(Form::Same)], [1])
        };
        Some(vec![of_bias, Gradient::Pass(vec![0])])
    }

    fn is_sum(&self) -> bool {
        true
    }
}

impl Definition for BiasGrad {
    fn name(&self) -> &'static str {
        "bias_grad"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let dy = Input(0).at(at(axes.inputs[0]));
        Space::sum(1, &[&dy], &[&Output(0).at([At(Axis::Channel)])]).into()
    }
}

/// Adds a bias to a product of so many inputs to one output; that is the layer's output.
pub(super) fn build(
    net: &mut dyn Net,
    layer: &Layer,
    product: TensorId,
    fan_in: usize,
) -> TensorId {
    let channels = net.extent(product, Axis::Channel);
    let name = format!("{}.bias", layer.name);
    let initial = Initial::of_biases(layer.initializer, fan_in);
    let bias = net.parameter(name, &[(Axis::Channel, channels)], initial);
    net.simple(layer, Bias.into(), &[product, bias])
}
