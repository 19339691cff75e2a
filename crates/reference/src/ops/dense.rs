//! The matrix product of a dense layer and its two gradients.

/// `y = x·wᵀ`. x is (B, I), w is (O, I), y is (B, O).
pub fn dense(x: &[f64], w: &[f64], batch: usize) -> Vec<f64> {
    let inputs = x.len() / batch;
    let outputs = w.len() / inputs;
    let mut y = vec![0.0; batch * outputs];
    for b in 0..batch {
        let x = &x[b * inputs..][..inputs];
        for o in 0..outputs {
            let w = &w[o * inputs..][..inputs];
            let mut sum = 0.0;
            for i in 0..inputs {
                sum += x[i] * w[i];
            }
            y[b * outputs + o] = sum;
        }
    }
    y
}

/// `dx = dy·w`. dy is (B, O), w is (O, I), dx is (B, I).
pub fn dense_grad_input(dy: &[f64], w: &[f64], batch: usize) -> Vec<f64> {
    let outputs = dy.len() / batch;
    let inputs = w.len() / outputs;
    let mut dx = vec![0.0; batch * inputs];
    for b in 0..batch {
        let dx = &mut dx[b * inputs..][..inputs];
        for o in 0..outputs {
            let w = &w[o * inputs..][..inputs];
            let dy = dy[b * outputs + o];
            for i in 0..inputs {
                dx[i] += dy * w[i];
            }
        }
    }
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
