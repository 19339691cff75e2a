//! The loss of an autoencoder: how far values are from the pixels that they stand for.

/// `loss_sum = ΣΣ (y − pixels / divisor)² / N`, over samples and their N values. y is (B, N), pixels are (B, N) in
/// any shape; the bytes are given as numbers 0 to 255. NaN where any y is, ∞ where one is infinite.
pub fn mean_squared_error(y: &[f64], pixels: &[f64], divisor: f64, batch: usize) -> f64 {
    let values = y.len() / batch;
    let squares = y.iter().zip(pixels).map(|(y, pixel)| {
        let error = y - pixel / divisor;
        error * error
    });
    squares.sum::<f64>() / values as f64
}

/// `dy = 2 (y − pixels / divisor) / (B · N)`, the gradient of the *mean* loss. y and dy are (B, N), pixels are
/// (B, N) in any shape.
pub fn mean_squared_error_grad(y: &[f64], pixels: &[f64], divisor: f64) -> Vec<f64> {
    let all = y.len() as f64;
    let pairs = y.iter().zip(pixels);
    pairs
        .map(|(y, pixel)| 2.0 * (y - pixel / divisor) / all)
        .collect()
}
