/// x·min(max(x + 3, 0), 6)/6.
pub(super) fn value(x: f64) -> f64 {
    x * (x + 3.0).clamp(0.0, 6.0) / 6.0
}

/// 0 below −3, 1 above 3, else (2x + 3)/6; at the corners as in PyTorch.
pub(super) fn slope(x: f64) -> f64 {
    match x {
        _ if x < -3.0 => 0.0,
        _ if x > 3.0 => 1.0,
        _ => x / 3.0 + 0.5,
    }
}
