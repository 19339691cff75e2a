/// ln(1 + eˣ).
pub(super) fn value(x: f64) -> f64 {
    // Neither power may overflow.
    if x > 0.0 {
        x + (-x).exp().ln_1p()
    } else {
        x.exp().ln_1p()
    }
}

/// 1/(1 + e⁻ˣ).
pub(super) fn slope(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
