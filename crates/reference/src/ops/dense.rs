//! The matrix product of a dense layer and its two gradients.

use super::joins::Joins;

/// `y = x·wᵀ`. x is (B, I), w is (O, I), y is (B, O).
pub fn dense(x: &[f64], w: &[f64], batch: usize) -> Vec<f64> {
    let inputs = x.len() / batch;
    let size = [inputs, w.len() / inputs];
    let joins = Joins::of_samples(batch);
    let matrices = joins.matrices(size, |_, i, o| w[o * inputs + i]);
    joins.products(x, &matrices, size)
}

/// `dx = dy·w`. dy is (B, O), w is (O, I), dx is (B, I).
pub fn dense_grad_input(dy: &[f64], w: &[f64], batch: usize) -> Vec<f64> {
    let outputs = dy.len() / batch;
    let inputs = w.len() / outputs;
    let size = [outputs, inputs];
    let joins = Joins::of_samples(batch);
    let matrices = joins.matrices(size, |_, o, i| w[o * inputs + i]);
    joins.products(dy, &matrices, size)
}

/// `dw = dyᵀ·x`. x is (B, I), dy is (B, O), dw is (O, I).
pub fn dense_grad_weight(x: &[f64], dy: &[f64], outputs: usize) -> Vec<f64> {
    let batch = dy.len() / outputs;
    let inputs = x.len() / batch;
    Joins::of_samples(batch).outer_products([dy, x], [outputs, inputs], 1)
}
