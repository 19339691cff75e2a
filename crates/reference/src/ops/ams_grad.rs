//! The update of AMSGrad.

use laptime_graph::AmsGrad;

/// AMSGrad in place, for step t (from 1), in the form that PyTorch and Keras have: m and v as Adam's,
/// `x ← max(x, v)`, `w ← w − learning_rate·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√x + ε)`; with `corrected_epsilon`
/// `w ← w − learning_rate·(m/(1−β₁ᵗ))/(√(x/(1−β₂ᵗ)) + ε)`.
///
/// Reddi, Kale & Kumar 2018 correct nothing for bias (their Algorithm 2); both frameworks do, behind the maximum.
///
/// A decay, where there is one, comes before, as AdamW's: `w ← w − learning_rate·weight_decay·w`.
pub fn ams_grad(op: AmsGrad, step: u64, g: &[f64], [w, m, v, x]: [&mut [f64]; 4]) {
    let adam = op.adam;
    let correction1 = 1.0 - adam.beta1.powf(step as f64);
    let correction2 = 1.0 - adam.beta2.powf(step as f64);
    for i in 0..g.len() {
        m[i] = adam.beta1 * m[i] + (1.0 - adam.beta1) * g[i];
        v[i] = adam.beta2 * v[i] + (1.0 - adam.beta2) * g[i] * g[i];
        // Not f64::max, which drops what is not a number.
        if v[i].is_nan() || v[i] > x[i] {
            x[i] = v[i];
        }
        if let Some(weight_decay) = op.weight_decay {
            w[i] *= 1.0 - adam.learning_rate * weight_decay;
        }
        let direction = m[i] / correction1;
        w[i] -= if adam.corrected_epsilon {
            adam.learning_rate * direction / ((x[i] / correction2).sqrt() + adam.epsilon)
        } else {
            adam.learning_rate * direction * correction2.sqrt() / (x[i].sqrt() + adam.epsilon)
        };
    }
}
