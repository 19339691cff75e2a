use super::{Definition, Form, Forward, Gradient, Iteration, Layer, Net, OperandAxes, Saved};
use laptime_workload::random::dropout_units;

use crate::tensor::TensorId;

/// (x) → (y): every value times its [`Dropout::factor`] in this step: 0, or 1/(1−rate).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// The probability of being dropped.
    pub rate: f64,
    /// The workload's seed.
    pub seed: u64,
    /// The layer's place in the workload, so that layers drop independently.
    pub layer: u32,
}

/// (dy) → (dx): the same values are dropped and scaled as in the forward pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DropoutGrad(pub Dropout);

impl Dropout {
    /// What a value is multiplied by in a step (counted from 1): 0, or 1/(1−rate). `index` is the
    /// value's place in the batch, row-major.
    pub fn factor(&self, step: u64, index: u64) -> f64 {
        self.factors(step, index / 4)[(index % 4) as usize]
    }

    /// Those of four values in a row; `block` is a quarter of the first one's index.
    pub fn factors(&self, step: u64, block: u64) -> [f64; 4] {
        let draws = dropout_units(self.seed, self.layer, step, block);
        draws.map(|draw| match draw < self.rate {
            true => 0.0,
            false => 1.0 / (1.0 - self.rate),
        })
    }
}

impl Definition for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![
            ("rate", self.rate.to_string()),
            ("seed", self.seed.to_string()),
            ("layer", self.layer.to_string()),
        ]
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Iteration::pointwise(1, axes)
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let dy = Saved::Flowing(Form::Same);
        Some(vec![Gradient::made(DropoutGrad(*self), [dy], [0])])
    }
}

impl Definition for DropoutGrad {
    fn name(&self) -> &'static str {
        "dropout_grad"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        self.0.constants()
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Iteration::pointwise(1, axes)
    }
}

/// Dropout in training; nothing in evaluation.
pub(super) fn build(net: &mut dyn Net, layer: &Layer, input: TensorId, rate: f64) -> TensorId {
    if !layer.is_training {
        return input;
    }
    let dropout = Dropout {
        rate,
        seed: layer.seed,
        layer: layer.number,
    };
    net.simple(layer, dropout.into(), &[input])
}
