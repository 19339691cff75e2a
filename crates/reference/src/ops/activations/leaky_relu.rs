/// x where x > 0, else slope·x.
pub(super) fn value(x: f64, slope: f64) -> f64 {
    if x > 0.0 { x } else { slope * x }
}

/// At exactly 0 that of the left, as in PyTorch.
pub(super) fn slope(x: f64, slope: f64) -> f64 {
    if x > 0.0 { 1.0 } else { slope }
}
