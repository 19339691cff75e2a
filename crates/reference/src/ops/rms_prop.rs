//! The update of RMSprop.

use laptime_graph::RmsProp;

use crate::shares::{in_parallel, share_size};

/// `v ← α·v + (1−α)·g²`, `w ← w − learning_rate·g/(√v + ε)`, in place; g, w and v have one shape.
///
/// Tieleman & Hinton 2012 with PyTorch's place for ε, outside of the root; Keras and Optax have it inside.
pub fn rms_prop(op: RmsProp, g: &[f64], w: &mut [f64], v: &mut [f64]) {
    let share = share_size(g.len(), 3 * g.len());
    let shares = w.chunks_mut(share).zip(v.chunks_mut(share));
    in_parallel(g.chunks(share).zip(shares), |(g, (w, v))| {
        for i in 0..g.len() {
            v[i] = op.alpha * v[i] + (1.0 - op.alpha) * g[i] * g[i];
            w[i] -= op.learning_rate * g[i] / (v[i].sqrt() + op.epsilon);
        }
    });
}
