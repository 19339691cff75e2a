//! The update of stochastic gradient descent with momentum.

use laptime_graph::Sgd;

use crate::shares::{in_parallel, share_size};

/// `u ← momentum·u + g`, `w ← w − learning_rate·u`, in place; g, w and u have one shape. With
/// momentum 0 plain gradient descent. PyTorch's form; Keras keeps −learning_rate·u in u's place,
/// which is the same as long as the learning rate stays.
///
/// With Nesterov's momentum the step is as long as the next one would be by the same gradient alone:
/// `w ← w − learning_rate·(momentum·u + g)`.
///
/// With a decay g is the gradient and `weight_decay·w`, of w before the step, as in PyTorch's.
pub fn sgd(op: Sgd, g: &[f64], w: &mut [f64], u: &mut [f64]) {
    let share = share_size(g.len(), 3 * g.len());
    let shares = w.chunks_mut(share).zip(u.chunks_mut(share));
    in_parallel(g.chunks(share).zip(shares), |(g, (w, u))| {
        for i in 0..g.len() {
            let g = match op.weight_decay {
                Some(weight_decay) => g[i] + weight_decay * w[i],
                None => g[i],
            };
            u[i] = op.momentum * u[i] + g;
            let direction = match op.nesterov {
                true => op.momentum * u[i] + g,
                false => u[i],
            };
            w[i] -= op.learning_rate * direction;
        }
    });
}
