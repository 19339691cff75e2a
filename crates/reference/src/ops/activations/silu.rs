/// x/(1 + e⁻ˣ).
pub(super) fn value(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}

/// σ + x·σ·(1 − σ).
pub(super) fn slope(x: f64) -> f64 {
    let share = 1.0 / (1.0 + (-x).exp());
    share + x * share * (1.0 - share)
}
