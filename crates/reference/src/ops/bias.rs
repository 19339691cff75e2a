//! Adding a bias, and its gradient.

use crate::{
    chance::errors_of_sums,
    shares::{channel_sums, fill_rows},
};

/// `y = x + b`. x and y are (…, C), b is (C).
pub fn bias(x: &[f64], b: &[f64]) -> Vec<f64> {
    let channels = b.len();
    let mut y = vec![0.0; x.len()];
    fill_rows(&mut y, channels, 2 * x.len(), |first, y| {
        let x = x[first * channels..].chunks(channels);
        for (y, x) in y.chunks_mut(channels).zip(x) {
            for c in 0..channels {
                y[c] = x[c] + b[c];
            }
        }
    });
    y
}

/// `db = Σ dy` over all but the channels. dy is (…, C), db is (C).
pub fn bias_grad(dy: &[f64], channels: usize) -> Vec<f64> {
    channel_sums(dy.len() / channels, channels, |rows, db| {
        for row in rows {
            let dy = &dy[row * channels..][..channels];
            for c in 0..channels {
                db[c] += dy[c];
            }
        }
    })
}

/// Gives the sums of [`bias_grad`] their errors.
pub(super) fn disturb_gradient(inputs: &[&[f64]], outputs: &mut [Vec<f64>], draw: u32) {
    let ([dy], [db]) = (inputs, outputs) else {
        unreachable!("a bias's gradient makes one tensor of one")
    };
    let errors = errors_of_sums(dy.len(), db.len(), draw, |index, _| dy[index]);
    for (db, error) in db.iter_mut().zip(errors) {
        *db += error;
    }
}
