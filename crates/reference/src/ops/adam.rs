//! The updates of Adam and AdamW.

use laptime_graph::{Adam, AdamW};

use crate::shares::{in_parallel, share_size};

/// Adam in Keras's form, in place, for step t (from 1); g, w, m and v have one shape:
/// `m ← m + (1−β₁)(g − m)`, `v ← v + (1−β₂)(g² − v)`,
/// `w ← w − learning_rate·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + ε)`.
///
/// With `corrected_epsilon` both moments are corrected, and ε is added to the root of the corrected one:
/// `m̂ = m/(1−β₁ᵗ)`, `v̂ = v/(1−β₂ᵗ)`, `w ← w − learning_rate·m̂/(√v̂ + ε)`, their Algorithm 1.
///
/// Kingma & Ba 2015, else in the more efficient order that they give just before section 2.1. There
/// ε is added to the root of the *uncorrected* v, unlike in their Algorithm 1 and in PyTorch.
pub fn adam(adam: Adam, step: u64, g: &[f64], w: &mut [f64], m: &mut [f64], v: &mut [f64]) {
    let correction1 = 1.0 - adam.beta1.powf(step as f64);
    let correction2 = 1.0 - adam.beta2.powf(step as f64);
    let rate = adam.learning_rate * correction2.sqrt() / correction1;
    let share = share_size(g.len(), 4 * g.len());
    let moments = m.chunks_mut(share).zip(v.chunks_mut(share));
    let shares = g.chunks(share).zip(w.chunks_mut(share)).zip(moments);
    in_parallel(shares, |((g, w), (m, v))| {
        for i in 0..g.len() {
            m[i] += (1.0 - adam.beta1) * (g[i] - m[i]);
            v[i] += (1.0 - adam.beta2) * (g[i] * g[i] - v[i]);
            w[i] -= if adam.corrected_epsilon {
                let (m, v) = (m[i] / correction1, v[i] / correction2);
                adam.learning_rate * m / (v.sqrt() + adam.epsilon)
            } else {
                rate * m[i] / (v[i].sqrt() + adam.epsilon)
            };
        }
    });
}

/// Adam behind a decoupled weight decay, in place: `w ← w − learning_rate·weight_decay·w`, then [`adam`].
///
/// Loshchilov & Hutter 2019, whose schedule multiplier is in the learning rate here, as in PyTorch: there both
/// the decay and the step follow the schedule.
pub fn adamw(op: AdamW, step: u64, g: &[f64], w: &mut [f64], m: &mut [f64], v: &mut [f64]) {
    let kept = 1.0 - op.adam.learning_rate * op.weight_decay;
    for w in &mut *w {
        *w *= kept;
    }
    adam(op.adam, step, g, w, m, v);
}
