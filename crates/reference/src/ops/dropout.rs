//! Dropout (Srivastava et al. 2014), scaled in training so that evaluation is the identity.

use laptime_graph::Dropout;

/// `y = x·factor`, where [`Dropout::factor`] says of each value in each step (from 1) whether it
/// is dropped; any shape. What is dropped is multiplied by 0: NaN and ∞ become NaN.
pub fn dropout(x: &[f64], dropout: &Dropout, step: u64) -> Vec<f64> {
    x.iter()
        .enumerate()
        .map(|(index, x)| x * dropout.factor(step, index as u64))
        .collect()
}

/// `dx = dy·factor`: the same values are dropped and scaled; any shape.
pub fn dropout_grad(dy: &[f64], constants: &Dropout, step: u64) -> Vec<f64> {
    dropout(dy, constants, step)
}
