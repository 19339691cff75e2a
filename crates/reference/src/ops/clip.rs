//! Clipping of all gradients by their norm.

/// `Σ g²` over all values of a gradient.
pub fn square_sum(g: &[f64]) -> f64 {
    g.iter().map(|g| g * g).sum()
}

/// `max_norm / norm` where the norm of all gradients together is larger than `max_norm`, else 1; NaN of a norm that
/// is NaN. `square_sums` are those of the gradients.
pub fn clip_factor(square_sums: &[f64], max_norm: f64) -> f64 {
    let norm = square_sums.iter().sum::<f64>().sqrt();
    if norm <= max_norm {
        1.0
    } else {
        max_norm / norm
    }
}

/// `y = factor·g`.
pub fn clip(g: &[f64], factor: f64) -> Vec<f64> {
    g.iter().map(|g| factor * g).collect()
}
