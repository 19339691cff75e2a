/// x where x > 0, else alpha·(eˣ − 1).
pub(super) fn value(x: f64, alpha: f64) -> f64 {
    if x > 0.0 { x } else { alpha * x.exp_m1() }
}

/// At exactly 0 that of the left, as in PyTorch.
pub(super) fn slope(x: f64, alpha: f64) -> f64 {
    if x > 0.0 { 1.0 } else { alpha * x.exp() }
}
