use super::{
    BiasGrad, Definition, Form, Forward, Gradient, Layer, Net, Saved,
    iteration::{
        Index::At,
        Iteration,
        Operand::{Input, Output, Temporary},
        OperandAxes, Space, at,
    },
};
use crate::{
    axis::Axis,
    tensor::{Initial, TensorId},
};

/// (x (…, C), γ (C), β (C)) → (y (…, C), mean (…), inverse_deviation (…)):
/// `y = γ·(x − mean)·inverse_deviation + β` with the mean and the uncorrected variance over the channels of
/// a row, or of a position of an image, and `inverse_deviation = 1/√(variance + ε)` (Ba et al. 2016).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerNorm {
    /// Added to the variance.
    pub epsilon: f64,
}

/// (dy, x (…, C), γ, mean, inverse_deviation) → (dx): with `x̂ = (x − mean)·inverse_deviation` and g = γ·dy,
/// `dx = inverse_deviation·(g − Σg/C − x̂·Σ(g·x̂)/C)`, sums over the channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerNormGrad;

/// (dy, x (…, C), mean, inverse_deviation) → (dγ (C)): `dγ = Σ dy·x̂` over all but the channels. It is an
/// operation of its own because it is parallel in channels, and dx in all else; dβ is a [`BiasGrad`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerNormGradScale;

impl Definition for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![("epsilon", format!("{:e}", self.epsilon))]
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let [x, y] = [Input(0), Output(0)].map(|one| one.at(at(axes.inputs[0])));
        let [gamma, beta] = [1, 2].map(|n| Input(n).at([At(Axis::Channel)]));
        let [mean, inverse_deviation] = [1, 2].map(|n| Output(n).at(at(axes.outputs[1])));
        vec![
            Space::fold(3, &[&x], &[&mean, &inverse_deviation]),
            Space::each(4, &[&x, &mean, &inverse_deviation, &gamma, &beta], &[&y]),
        ]
        .into()
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let dy = Saved::Flowing(Form::Same);
        let [x, gamma] = [0, 1].map(|n| Saved::Input(n, Form::Same));
        let [mean, inverse_deviation] = [1, 2].map(|n| Saved::Output(n, Form::Same));
        Some(vec![
            Gradient::made(LayerNormGrad, [dy, x, gamma, mean, inverse_deviation], [0]),
            Gradient::made(LayerNormGradScale, [dy, x, mean, inverse_deviation], [1]),
            Gradient::made(BiasGrad, [dy], [2]),
        ])
    }
}

impl Definition for LayerNormGrad {
    fn name(&self) -> &'static str {
        "layer_norm_grad"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let [dy, x, dx] = [Input(0), Input(1), Output(0)].map(|one| one.at(at(axes.inputs[1])));
        let gamma = Input(2).at([At(Axis::Channel)]);
        let row = at(axes.inputs[3]);
        let [mean, inverse_deviation] = [3, 4].map(|n| Input(n).at(&row[..]));
        let [sum, products] = [0, 1].map(|n| Temporary(n).at(&row[..]));
        let reads = [&dy, &x, &gamma, &mean, &inverse_deviation];
        vec![
            Space::sum(6, &reads, &[&sum, &products]),
            Space::each(6, &[&reads[..], &[&sum, &products]].concat(), &[&dx]),
        ]
        .into()
    }
}

impl Definition for LayerNormGradScale {
    fn name(&self) -> &'static str {
        "layer_norm_grad_scale"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let [dy, x] = [0, 1].map(|n| Input(n).at(at(axes.inputs[0])));
        let [mean, inverse_deviation] = [2, 3].map(|n| Input(n).at(at(axes.inputs[2])));
        let dgamma = Output(0).at([At(Axis::Channel)]);
        Space::sum(4, &[&dy, &x, &mean, &inverse_deviation], &[&dgamma]).into()
    }
}

/// A norm of each row, in training as in evaluation.
pub(super) fn build(net: &mut dyn Net, layer: &Layer, input: TensorId, epsilon: f64) -> TensorId {
    let name = layer.name;
    let channels = &[(Axis::Channel, layer.channels())];
    let weight = net.parameter(format!("{name}.weight"), channels, Initial::One);
    let bias = net.parameter(format!("{name}.bias"), channels, Initial::Zero);
    let mut rows = layer.shape.clone();
    rows.retain(|(axis, _)| *axis != Axis::Channel);
    let mean = net.value(format!("{name}.mean"), &rows);
    let inverse_deviation = net.value(format!("{name}.inverse_deviation"), &rows);
    let output = net.value(name.to_owned(), &layer.shape);
    net.operation(
        LayerNorm { epsilon }.into(),
        &[input, weight, bias],
        &[output, mean, inverse_deviation],
    );
    output
}
