//! Dropout (Srivastava et al. 2014), scaled in training so that evaluation is the identity.

use laptime_graph::Dropout;

use crate::shares::fill_rows;

/// `y = x·factor`, where [`Dropout::factor`] says of each value in each step (from 1) whether it
/// is dropped; any shape. `at` are the step, and the place of x's first value in the tensor of the step's whole
/// batch, row-major: 0 where x has all of it. What is dropped is multiplied by 0: NaN and ∞ become NaN.
pub fn dropout(x: &[f64], dropout: &Dropout, (step, before): (u64, u64)) -> Vec<f64> {
    let mut y = vec![0.0; x.len()];
    // Drawing a factor takes as long as reading a few values.
    fill_rows(&mut y, 1, 8 * x.len(), |first, y| {
        for (number, y) in y.iter_mut().enumerate() {
            let index = first + number;
            *y = x[index] * dropout.factor(step, before + index as u64);
        }
    });
    y
}

/// `dx = dy·factor`: the same values are dropped and scaled; any shape.
pub fn dropout_grad(dy: &[f64], constants: &Dropout, at: (u64, u64)) -> Vec<f64> {
    dropout(dy, constants, at)
}
