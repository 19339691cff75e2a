/// min(max(x + 3, 0), 6)/6.
pub(super) fn value(x: f64) -> f64 {
    (x + 3.0).clamp(0.0, 6.0) / 6.0
}

/// A sixth between the corners −3 and 3; at them 0, as in PyTorch.
pub(super) fn slope(x: f64) -> f64 {
    if x > -3.0 && x < 3.0 { 1.0 / 6.0 } else { 0.0 }
}
