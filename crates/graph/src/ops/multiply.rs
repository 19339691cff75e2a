use super::{
    Definition, Form, Forward, Gradient, Layer, Net, Saved,
    iteration::{
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at,
    },
};
use crate::tensor::TensorId;

/// (a, b) → (y): `y = a·b`, value by value. The gradient of each is dy times the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Multiply;

/// (x (B, H, W, C), s (B, C)) → (y (B, H, W, C)): `y = x·s`, with a factor for each channel of each image, as
/// squeeze-and-excitation has (Hu et al. 2017).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultiplyChannels;

/// (dy (B, H, W, C), x (B, H, W, C)) → (ds (B, C)): `ds = Σ dy·x` over all positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultiplyChannelsGrad;

impl Definition for Multiply {
    fn name(&self) -> &'static str {
        "multiply"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Iteration::pointwise(1, axes)
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let dy = Saved::Flowing(Form::Same);
        let [a, b] = [0, 1].map(|n| Saved::Input(n, Form::Same));
        Some(vec![
            Gradient::made(Self, [dy, b], [0]),
            Gradient::made(Self, [dy, a], [1]),
        ])
    }
}

impl Definition for MultiplyChannels {
    fn name(&self) -> &'static str {
        "multiply_channels"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let [x, y] = [Input(0), Output(0)].map(|one| one.at(at(axes.inputs[0])));
        let s = Input(1).at(at(axes.inputs[1]));
        Space::each(1, &[&x, &s], &[&y]).into()
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let dy = Saved::Flowing(Form::Same);
        let [x, s] = [0, 1].map(|n| Saved::Input(n, Form::Same));
        Some(vec![
            Gradient::made(Self, [dy, s], [0]),
            Gradient::made(MultiplyChannelsGrad, [dy, x], [1]),
        ])
    }
}

impl Definition for MultiplyChannelsGrad {
    fn name(&self) -> &'static str {
        "multiply_channels_grad"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let [dy, x] = [0, 1].map(|n| Input(n).at(at(axes.inputs[0])));
        let ds = Output(0).at(at(axes.outputs[0]));
        Space::sum(2, &[&dy, &x], &[&ds]).into()
    }
}

/// The product of two tensors of one shape, or of images with a row of factors, in any order.
pub(super) fn build(net: &mut dyn Net, layer: &Layer, [a, b]: [TensorId; 2]) -> TensorId {
    match [a, b].map(|id| net.is_images(id)) {
        [true, false] => net.simple(layer, MultiplyChannels.into(), &[a, b]),
        [false, true] => net.simple(layer, MultiplyChannels.into(), &[b, a]),
        _ => net.simple(layer, Multiply.into(), &[a, b]),
    }
}
