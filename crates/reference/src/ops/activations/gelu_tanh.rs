use std::f64::consts::FRAC_2_PI;

/// x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))).
pub(super) fn value(x: f64) -> f64 {
    x / 2.0 * (1.0 + inner(x).tanh())
}

/// (1 + tanh u)/2 + x/2·(1 − tanh² u)·u'.
pub(super) fn slope(x: f64) -> f64 {
    let tanh = inner(x).tanh();
    let inner_slope = FRAC_2_PI.sqrt() * (1.0 + 3.0 * 0.044_715 * x * x);
    (1.0 + tanh) / 2.0 + x / 2.0 * (1.0 - tanh * tanh) * inner_slope
}

fn inner(x: f64) -> f64 {
    FRAC_2_PI.sqrt() * (x + 0.044_715 * x * x * x)
}
