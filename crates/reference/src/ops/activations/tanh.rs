/// The hyperbolic tangent.
pub(super) fn value(x: f64) -> f64 {
    x.tanh()
}

/// 1 − y², of y.
pub(super) fn slope(y: f64) -> f64 {
    1.0 - y * y
}
