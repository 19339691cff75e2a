use super::{
    Definition, Form, Forward, Gradient, Layer, Net, Saved,
    iteration::{
        Index::At,
        Iteration, Map,
        Operand::{self, Input, Output},
        OperandAxes, Space, at,
    },
};
use crate::{
    axis::Axis,
    tensor::{Initial, TensorId},
};

/// (x (…, C), γ, β, moving_mean, moving_variance) → (y (…, C), mean, inverse_deviation,
/// moving_mean, moving_variance), all vectors (C), the moving ones in place:
/// `y = γ·(x − mean)·inverse_deviation + β` with the mean and the *uncorrected* variance over
/// all but the channels and `inverse_deviation = 1/√(variance + ε)`;
/// `moving ← momentum·moving + (1 − momentum)·batch` (Ioffe & Szegedy 2015).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNorm {
    /// Added to the variance.
    pub epsilon: f64,
    /// How much of a moving statistic is kept.
    pub momentum: f64,
}

/// (dy, x (…, C), γ, mean, inverse_deviation) → (dx, dγ, dβ): with `x̂ = (x − mean)·inverse_deviation`,
/// `dβ = Σ dy`, `dγ = Σ dy·x̂`, `dx = γ·inverse_deviation·(dy − dβ/n − x̂·dγ/n)`, n = values a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormGrad;

/// (x (…, C), γ, β, moving_mean, moving_variance) → (y): as [`BatchNorm`] with the moving
/// statistics, which stay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormEvaluation {
    /// Added to the variance.
    pub epsilon: f64,
}

/// One value a channel.
fn vector(operand: Operand) -> Map {
    operand.at([At(Axis::Channel)])
}

impl Definition for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![
            ("epsilon", format!("{:e}", self.epsilon)),
            ("momentum", self.momentum.to_string()),
        ]
    }

    /// First the batch's statistics, then what they are for. What is done once a channel counts for nothing.
    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let [x, y] = [Input(0), Output(0)].map(|one| one.at(at(axes.inputs[0])));
        let [gamma, beta, moving_mean, moving_variance] = [1, 2, 3, 4].map(|n| vector(Input(n)));
        let [mean, inverse_deviation] = [1, 2].map(|n| vector(Output(n)));
        let [new_mean, new_variance] = [3, 4].map(|n| vector(Output(n)));
        vec![
            Space::fold(3, &[&x], &[&mean, &inverse_deviation]),
            Space::each(4, &[&x, &mean, &inverse_deviation, &gamma, &beta], &[&y]),
            Space::each(0, &[&moving_mean, &mean], &[&new_mean]),
            Space::each(0, &[&moving_variance, &inverse_deviation], &[&new_variance]),
        ]
        .into()
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let (x, gamma) = (Saved::Input(0, Form::Same), Saved::Input(1, Form::Same));
        let (mean, inverse_deviation) =
            (Saved::Output(1, Form::Same), Saved::Output(2, Form::Same));
        let reads = [
            Saved::Flowing(Form::Same),
            x,
            gamma,
            mean,
            inverse_deviation,
        ];
        Some(vec![Gradient::made(BatchNormGrad, reads, [0, 1, 2])])
    }

    fn ignores_mean(&self) -> bool {
        true
    }

    fn is_norm(&self) -> bool {
        true
    }
}

impl Definition for BatchNormGrad {
    fn name(&self) -> &'static str {
        "batch_norm_grad"
    }

    /// dβ and dγ are sums, which dx reads.
    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let [dy, x, dx] = [Input(0), Input(1), Output(0)].map(|one| one.at(at(axes.inputs[1])));
        let [gamma, mean, inverse_deviation] = [2, 3, 4].map(|n| vector(Input(n)));
        let [dgamma, dbeta] = [1, 2].map(|n| vector(Output(n)));
        vec![
            Space::sum(1, &[&dy], &[&dbeta]),
            Space::sum(3, &[&dy, &x, &mean, &inverse_deviation], &[&dgamma]),
            Space::each(
                5,
                &[&dy, &x, &mean, &inverse_deviation, &gamma, &dgamma, &dbeta],
                &[&dx],
            ),
        ]
        .into()
    }

    fn is_norm(&self) -> bool {
        true
    }
}

impl Definition for BatchNormEvaluation {
    fn name(&self) -> &'static str {
        "batch_norm_evaluation"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![("epsilon", format!("{:e}", self.epsilon))]
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let [x, y] = [Input(0), Output(0)].map(|one| one.at(at(axes.inputs[0])));
        let [gamma, beta, mean, variance] = [1, 2, 3, 4].map(|n| vector(Input(n)));
        Space::each(2, &[&x, &mean, &variance, &gamma, &beta], &[&y]).into()
    }

    fn is_norm(&self) -> bool {
        true
    }
}

/// A batch norm of the batch in training, of the moving statistics in evaluation.
pub(super) fn build(
    net: &mut dyn Net,
    layer: &Layer,
    input: TensorId,
    epsilon: f64,
    momentum: f64,
) -> TensorId {
    let name = layer.name;
    let channels = &[(Axis::Channel, layer.channels())];
    let named = |suffix: &str| format!("{name}.{suffix}");
    let weight = net.parameter(named("weight"), channels, Initial::One);
    let bias = net.parameter(named("bias"), channels, Initial::Zero);
    let mean = net.statistic(named("running_mean"), channels, Initial::Zero);
    let variance = net.statistic(named("running_var"), channels, Initial::One);
    let inputs = [input, weight, bias, mean, variance];
    if !layer.is_training {
        return net.simple(layer, BatchNormEvaluation { epsilon }.into(), &inputs);
    }
    let batch_mean = net.value(named("mean"), channels);
    let inverse_deviation = net.value(named("inverse_deviation"), channels);
    let output = net.value(name.to_owned(), &layer.shape);
    net.operation(
        BatchNorm { epsilon, momentum }.into(),
        &inputs,
        &[output, batch_mean, inverse_deviation, mean, variance],
    );
    output
}
