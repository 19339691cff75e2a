/// 1/(1 + e⁻ˣ).
pub(super) fn value(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// y·(1 − y), of y.
pub(super) fn slope(y: f64) -> f64 {
    y * (1.0 - y)
}
