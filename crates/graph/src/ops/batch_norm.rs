use super::{Definition, Form, Forward, Gradient, Layer, Net, Saved, Shapes};
use crate::{
    simplification::Simplification,
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

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        7 * of.input_elements(0)
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
}

impl Definition for BatchNormGrad {
    fn name(&self) -> &'static str {
        "batch_norm_grad"
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        9 * of.input_elements(0)
    }
}

impl Definition for BatchNormEvaluation {
    fn name(&self) -> &'static str {
        "batch_norm_evaluation"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![("epsilon", format!("{:e}", self.epsilon))]
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        2 * of.input_elements(0)
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
    let channels = vec![layer.shape.last().copied().unwrap_or(1)];
    let named = |suffix: &str| format!("{name}.{suffix}");
    let weight = net.parameter(named("weight"), channels.clone(), Initial::One);
    let bias = net.parameter(named("bias"), channels.clone(), Initial::Zero);
    let mean = net.statistic(named("running_mean"), channels.clone(), Initial::Zero);
    let variance = net.statistic(named("running_var"), channels.clone(), Initial::One);
    let inputs = [input, weight, bias, mean, variance];
    if !layer.is_training {
        return net.simple(layer, BatchNormEvaluation { epsilon }.into(), &inputs);
    }
    let batch_mean = net.value(named("mean"), channels.clone());
    let inverse_deviation = net.value(named("inverse_deviation"), channels);
    let output = net.value(name.to_owned(), layer.shape.clone());
    net.operation(
        BatchNorm { epsilon, momentum }.into(),
        &inputs,
        &[output, batch_mean, inverse_deviation, mean, variance],
    );
    output
}
