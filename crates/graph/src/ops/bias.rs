use super::{Definition, Form, Forward, Gradient, Layer, Net, Saved, Shapes, Zeros};
use crate::{
    simplification::Simplification,
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

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        of.input_elements(0)
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
}

impl Definition for BiasGrad {
    fn name(&self) -> &'static str {
        "bias_grad"
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        of.input_elements(0)
    }
}

/// Adds a bias to a product; that is the layer's output.
pub(super) fn build(net: &mut dyn Net, layer: &Layer, product: TensorId) -> TensorId {
    let channels = net.shape(product).last().copied().unwrap_or(1);
    let name = format!("{}.bias", layer.name);
    let bias = net.parameter(name, vec![channels], Initial::Zero);
    net.simple(layer, Bias.into(), &[product, bias])
}
