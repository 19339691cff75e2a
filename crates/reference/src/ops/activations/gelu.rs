use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// x·Φ(x).
pub(super) fn value(x: f64) -> f64 {
    x * normal_distribution(x)
}

/// Φ(x) + x·φ(x).
pub(super) fn slope(x: f64) -> f64 {
    normal_distribution(x) + x * (-x * x / 2.0).exp() / (2.0 * PI).sqrt()
}

fn normal_distribution(x: f64) -> f64 {
    libm::erfc(-x * FRAC_1_SQRT_2) / 2.0
}
