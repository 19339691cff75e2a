//! The loss of regressions and autoencoders: how far values are from the targets.

/// `loss_sum = ΣΣ (y − targets / divisor)² / N`, over samples and their N values. y is (B, N), targets are (B, N) in
/// any shape; bytes are given as numbers 0 to 255. NaN where any y is, ∞ where one is infinite.
pub fn mean_squared_error(y: &[f64], targets: &[f64], divisor: f64, batch: usize) -> f64 {
    let values = y.len() / batch;
    let squares = y.iter().zip(targets).map(|(y, target)| {
        let error = y - target / divisor;
        error * error
    });
    squares.sum::<f64>() / values as f64
}

/// `dy = 2 (y − targets / divisor) / (B · N)`, the gradient of the *mean* loss. y and dy are (B, N), targets are
/// (B, N) in any shape.
pub fn mean_squared_error_grad(y: &[f64], targets: &[f64], divisor: f64) -> Vec<f64> {
    let all = y.len() as f64;
    let pairs = y.iter().zip(targets);
    pairs
        .map(|(y, target)| 2.0 * (y - target / divisor) / all)
        .collect()
}
