//! Layer normalisation (Ba et al. 2016) and its gradients.

use crate::{
    chance::errors_of_sums,
    shares::{channel_sums, fill_rows},
};

/// What a layer norm makes of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNormed {
    /// (…, C)
    pub y: Vec<f64>,
    /// Of each row, (…).
    pub mean: Vec<f64>,
    /// 1/√(variance + ε) of each row, (…).
    pub inverse_deviation: Vec<f64>,
}

/// `y = γ·(x − mean)/√(variance + ε) + β` with the mean and the *uncorrected* variance of each row. x and y are
/// (…, C), γ and β (C).
pub fn layer_norm(x: &[f64], [gamma, beta]: [&[f64]; 2], epsilon: f64) -> LayerNormed {
    let channels = gamma.len();
    let count = channels as f64;
    let (mean, inverse_deviation): (Vec<f64>, Vec<f64>) = x
        .chunks(channels)
        .map(|row| {
            let mean = row.iter().sum::<f64>() / count;
            let squares: f64 = row.iter().map(|x| (x - mean).powi(2)).sum();
            (mean, 1.0 / (squares / count + epsilon).sqrt())
        })
        .unzip();
    let mut y = vec![0.0; x.len()];
    fill_rows(&mut y, channels, 2 * x.len(), |first, y| {
        for (row, y) in (first..).zip(y.chunks_mut(channels)) {
            for c in 0..channels {
                let normed = (x[row * channels + c] - mean[row]) * inverse_deviation[row];
                y[c] = gamma[c] * normed + beta[c];
            }
        }
    });
    LayerNormed {
        y,
        mean,
        inverse_deviation,
    }
}

/// The gradient of x, by way of those of each row's variance and mean: with g = γ·dy and d = x − mean,
/// `dvariance = −½·inverse_deviation³·Σ g·d`, `dmean = −inverse_deviation·Σ g`, and
/// `dx = g·inverse_deviation + dvariance·2d/C + dmean/C`. dy, x and dx are (…, C), γ (C), mean and
/// inverse_deviation (…).
pub fn layer_norm_grad(
    dy: &[f64],
    x: &[f64],
    gamma: &[f64],
    mean: &[f64],
    inverse_deviation: &[f64],
) -> Vec<f64> {
    let channels = gamma.len();
    let count = channels as f64;
    let mut dx = vec![0.0; x.len()];
    fill_rows(&mut dx, channels, 3 * x.len(), |first, dx| {
        for (row, dx) in (first..).zip(dx.chunks_mut(channels)) {
            let [dy, x] = [dy, x].map(|all| &all[row * channels..][..channels]);
            let (mean, inverse) = (mean[row], inverse_deviation[row]);
            let (mut d_variance, mut d_mean) = (0.0, 0.0);
            for c in 0..channels {
                d_variance -= 0.5 * inverse.powi(3) * gamma[c] * dy[c] * (x[c] - mean);
                d_mean -= inverse * gamma[c] * dy[c];
            }
            for c in 0..channels {
                dx[c] = gamma[c] * dy[c] * inverse
                    + d_variance * 2.0 * (x[c] - mean) / count
                    + d_mean / count;
            }
        }
    });
    dx
}

/// `dγ = Σ dy·(x − mean)·inverse_deviation` over all rows. dy and x are (…, C), mean and inverse_deviation (…),
/// dγ (C).
pub fn layer_norm_grad_scale(
    dy: &[f64],
    x: &[f64],
    mean: &[f64],
    inverse_deviation: &[f64],
) -> Vec<f64> {
    let rows = mean.len();
    let channels = x.len() / rows;
    channel_sums(rows, channels, |rows, sums| {
        for row in rows {
            for (c, sum) in sums.iter_mut().enumerate() {
                let at = row * channels + c;
                *sum += dy[at] * (x[at] - mean[row]) * inverse_deviation[row];
            }
        }
    })
}

/// Gives the sums of [`layer_norm_grad_scale`] their errors.
pub(super) fn disturb_gradient(inputs: &[&[f64]], outputs: &mut [Vec<f64>], draw: u32) {
    let ([dy, x, mean, inverse_deviation], [d_gamma]) = (inputs, outputs) else {
        unreachable!("the gradient of a layer norm's scale makes one tensor of four")
    };
    let channels = d_gamma.len();
    let product = |at: usize, _| {
        let row = at / channels;
        dy[at] * (x[at] - mean[row]) * inverse_deviation[row]
    };
    let errors = errors_of_sums(dy.len(), channels, draw, product);
    for (sum, error) in d_gamma.iter_mut().zip(errors) {
        *sum += error;
    }
}
