//! The matrix product of a dense layer and its two gradients.

use super::rows::{ROWS, add_scaled};

/// `y = x·wᵀ`. x is (B, I), w is (O, I), y is (B, O).
pub fn dense(x: &[f64], w: &[f64], batch: usize) -> Vec<f64> {
    let inputs = x.len() / batch;
    let outputs = w.len() / inputs;
    // (I, B), so that the innermost loop runs along the samples.
    let mut turned = Vec::with_capacity(x.len());
    for i in 0..inputs {
        for b in 0..batch {
            turned.push(x[b * inputs + i]);
        }
    }
    let mut y = vec![0.0; batch * outputs];
    let mut sums = vec![0.0; ROWS * batch];
    for first in (0..outputs).step_by(ROWS) {
        // Beyond the last output, that one again.
        let these: [usize; ROWS] = std::array::from_fn(|r| (first + r).min(outputs - 1));
        sums.fill(0.0);
        for (i, x) in turned.chunks_exact(batch).enumerate() {
            add_scaled(&mut sums, these.map(|o| w[o * inputs + i]), x);
        }
        for (o, sums) in these.iter().zip(sums.chunks(batch)) {
            for b in 0..batch {
                y[b * outputs + o] = sums[b];
            }
        }
    }
    y
}

/// `dx = dy·w`. dy is (B, O), w is (O, I), dx is (B, I).
pub fn dense_grad_input(dy: &[f64], w: &[f64], batch: usize) -> Vec<f64> {
    let outputs = dy.len() / batch;
    let inputs = w.len() / outputs;
    let mut dx = vec![0.0; batch.next_multiple_of(ROWS) * inputs];
    for (o, w) in w.chunks_exact(inputs).enumerate() {
        for (number, dx) in dx.chunks_exact_mut(ROWS * inputs).enumerate() {
            // Beyond the last sample, that one again.
            let these: [usize; ROWS] = std::array::from_fn(|r| (number * ROWS + r).min(batch - 1));
            add_scaled(dx, these.map(|b| dy[b * outputs + o]), w);
        }
    }
    dx.truncate(batch * inputs);
    dx
}

/// `dw = dyᵀ·x`. x is (B, I), dy is (B, O), dw is (O, I).
pub fn dense_grad_weight(x: &[f64], dy: &[f64], outputs: usize) -> Vec<f64> {
    let batch = dy.len() / outputs;
    let inputs = x.len() / batch;
    let mut dw = vec![0.0; outputs * inputs];
    for o in 0..outputs {
        let dw = &mut dw[o * inputs..][..inputs];
        for b in 0..batch {
            let x = &x[b * inputs..][..inputs];
            let dy = dy[b * outputs + o];
            for i in 0..inputs {
                dw[i] += dy * x[i];
            }
        }
    }
    dw
}
