/// min(max(x, 0), 6), NaN where x is.
pub(super) fn value(x: f64) -> f64 {
    x.clamp(0.0, 6.0)
}

/// 1 between the corners; at them 0, as in PyTorch and TensorFlow.
pub(super) fn slope(x: f64) -> f64 {
    if x > 0.0 && x < 6.0 { 1.0 } else { 0.0 }
}
