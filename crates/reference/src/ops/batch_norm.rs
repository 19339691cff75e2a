//! Batch normalisation (Ioffe & Szegedy 2015) in training and in evaluation, and its gradient.

use super::bias_grad;
use crate::{
    chance::errors_of_sums,
    shares::{channel_sums, fill_rows},
};

/// What a batch norm makes of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Normed {
    /// (…, C)
    pub y: Vec<f64>,
    /// The batch's mean, (C).
    pub mean: Vec<f64>,
    /// 1/√(variance + ε) of the batch, (C).
    pub inverse_deviation: Vec<f64>,
}

/// `y = γ·(x − mean)·inverse_deviation + β` with the mean and the *uncorrected* variance over all
/// but the channels, and `moving ← momentum·moving + (1 − momentum)·batch`, in place. x and y are
/// (…, C), all others (C).
///
/// The variance is taken in a second pass, from differences to the mean: E\[x²\] − E\[x\]² cancels.
pub fn batch_norm(
    x: &[f64],
    [gamma, beta]: [&[f64]; 2],
    [moving_mean, moving_variance]: [&mut [f64]; 2],
    epsilon: f64,
    momentum: f64,
) -> Normed {
    let channels = gamma.len();
    let rows = x.len() / channels;
    let mut mean = channel_sums(rows, channels, |rows, sums| {
        for x in rows.map(|row| &x[row * channels..][..channels]) {
            for c in 0..channels {
                sums[c] += x[c];
            }
        }
    });
    mean.iter_mut().for_each(|mean| *mean /= rows as f64);
    let mut variance = channel_sums(rows, channels, |rows, sums| {
        for x in rows.map(|row| &x[row * channels..][..channels]) {
            for c in 0..channels {
                sums[c] += (x[c] - mean[c]).powi(2);
            }
        }
    });
    variance.iter_mut().for_each(|sum| *sum /= rows as f64);
    let inverse_deviation: Vec<f64> = variance
        .iter()
        .map(|variance| 1.0 / (variance + epsilon).sqrt())
        .collect();
    for c in 0..channels {
        moving_mean[c] = momentum * moving_mean[c] + (1.0 - momentum) * mean[c];
        moving_variance[c] = momentum * moving_variance[c] + (1.0 - momentum) * variance[c];
    }
    Normed {
        y: normalize(x, gamma, beta, &mean, &inverse_deviation),
        mean,
        inverse_deviation,
    }
}

/// `y = γ·(x − moving_mean)/√(moving_variance + ε) + β`. x and y are (…, C), all others (C).
pub fn batch_norm_evaluation(
    x: &[f64],
    [gamma, beta]: [&[f64]; 2],
    [moving_mean, moving_variance]: [&[f64]; 2],
    epsilon: f64,
) -> Vec<f64> {
    let inverse_deviation: Vec<f64> = moving_variance
        .iter()
        .map(|variance| 1.0 / (variance + epsilon).sqrt())
        .collect();
    normalize(x, gamma, beta, moving_mean, &inverse_deviation)
}

/// `y = γ·(x − mean)·inverse_deviation + β`. x and y are (…, C), all others (C).
fn normalize(
    x: &[f64],
    gamma: &[f64],
    beta: &[f64],
    mean: &[f64],
    inverse_deviation: &[f64],
) -> Vec<f64> {
    let channels = gamma.len();
    let mut y = vec![0.0; x.len()];
    fill_rows(&mut y, channels, 2 * x.len(), |first, y| {
        let x = x[first * channels..].chunks(channels);
        for (y, x) in y.chunks_mut(channels).zip(x) {
            for c in 0..channels {
                y[c] = gamma[c] * (x[c] - mean[c]) * inverse_deviation[c] + beta[c];
            }
        }
    });
    y
}

/// The gradients of a batch norm.
#[derive(Debug, Clone, PartialEq)]
pub struct NormedGrad {
    /// (…, C)
    pub dx: Vec<f64>,
    /// (C)
    pub dgamma: Vec<f64>,
    /// (C)
    pub dbeta: Vec<f64>,
}

/// `dβ = Σ dy`, `dγ = Σ dy·x̂`, `dx = γ·inverse_deviation·(dy − dβ/n − x̂·dγ/n)` with
/// `x̂ = (x − mean)·inverse_deviation` and n values a channel. dy, x and dx are (…, C), all
/// others (C).
pub fn batch_norm_grad(
    dy: &[f64],
    x: &[f64],
    gamma: &[f64],
    mean: &[f64],
    inverse_deviation: &[f64],
) -> NormedGrad {
    let channels = gamma.len();
    let rows = x.len() / channels;
    let count = rows as f64;
    let normed = |x: &[f64], c: usize| (x[c] - mean[c]) * inverse_deviation[c];
    let dgamma = channel_sums(rows, channels, |rows, sums| {
        for row in rows {
            let [dy, x] = [dy, x].map(|all| &all[row * channels..][..channels]);
            for c in 0..channels {
                sums[c] += dy[c] * normed(x, c);
            }
        }
    });
    let dbeta = bias_grad(dy, channels);
    let mut dx = vec![0.0; dy.len()];
    fill_rows(&mut dx, channels, 3 * dy.len(), |first, dx| {
        for (row, dx) in dx.chunks_mut(channels).enumerate() {
            let [dy, x] = [dy, x].map(|all| &all[(first + row) * channels..][..channels]);
            for c in 0..channels {
                let centred = dy[c] - dbeta[c] / count - normed(x, c) * dgamma[c] / count;
                dx[c] = gamma[c] * inverse_deviation[c] * centred;
            }
        }
    });
    NormedGrad { dx, dgamma, dbeta }
}

/// Gives the mean of [`batch_norm`], and what is made of it, its errors.
pub(super) fn disturb(momentum: f64, inputs: &[&[f64]], outputs: &mut [Vec<f64>], draw: u32) {
    let ([x, gamma, ..], [y, mean, inverse_deviation, moving_mean, _]) = (inputs, outputs) else {
        unreachable!("a batch norm makes five tensors of five")
    };
    let channels = gamma.len();
    let count = (x.len() / channels) as f64;
    let mut errors = errors_of_sums(x.len(), channels, draw, |index, _| x[index]);
    for c in 0..channels {
        errors[c] /= count;
        mean[c] += errors[c];
        moving_mean[c] += (1.0 - momentum) * errors[c];
        errors[c] *= gamma[c] * inverse_deviation[c];
    }
    fill_rows(y, channels, 2 * x.len(), |_, y| {
        for row in y.chunks_mut(channels) {
            for c in 0..channels {
                row[c] -= errors[c];
            }
        }
    });
}

/// Gives the sums of [`batch_norm_grad`], and what is made of them, their errors.
pub(super) fn disturb_gradient(inputs: &[&[f64]], outputs: &mut [Vec<f64>], draw: u32) {
    let ([dy, x, gamma, mean, inverse_deviation], [dx, d_gamma, d_beta]) = (inputs, outputs) else {
        unreachable!("a batch norm's gradient makes three tensors of five")
    };
    let channels = gamma.len();
    let count = (x.len() / channels) as f64;
    let normed = |index: usize, c: usize| (x[index] - mean[c]) * inverse_deviation[c];
    let product = |index: usize, c: usize| dy[index] * normed(index, c);
    let of_gamma = errors_of_sums(dy.len(), channels, draw, product);
    let of_beta = errors_of_sums(dy.len(), channels, draw, |index, _| dy[index]);
    for c in 0..channels {
        d_gamma[c] += of_gamma[c];
        d_beta[c] += of_beta[c];
    }
    fill_rows(dx, channels, 2 * x.len(), |first, dx| {
        for (row, dx) in dx.chunks_mut(channels).enumerate() {
            for c in 0..channels {
                let normed = normed((first + row) * channels + c, c);
                let error = (of_beta[c] + normed * of_gamma[c]) / count;
                dx[c] -= gamma[c] * inverse_deviation[c] * error;
            }
        }
    });
}
