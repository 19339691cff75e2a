use super::softplus;

/// x·tanh(softplus(x)).
pub(super) fn value(x: f64) -> f64 {
    x * softplus::value(x).tanh()
}

/// By the product rule and the chain rule: tanh(s) + x·(1 − tanh²(s))·s' with s = softplus(x).
pub(super) fn slope(x: f64) -> f64 {
    let share = softplus::value(x).tanh();
    share + x * (1.0 - share * share) * softplus::slope(x)
}
