//! The mean of each window, or of a whole image, and its gradient.

use laptime_workload::Window;

use super::image::{ImageShape, joins, output_shape};

/// The mean of the values of x in each window, padding left out. x is (B, H, W, C), y is
/// (B, H', W', C).
pub fn avg_pool(x: &[f64], x_shape: ImageShape, window: &Window) -> Vec<f64> {
    let channels = x_shape[3];
    let y_shape = output_shape(x_shape, window, channels);
    let counts = counts(x_shape, window);
    let mut y = vec![0.0; y_shape.iter().product()];
    for (i, j) in joins(x_shape, window).concat() {
        for c in 0..channels {
            y[j * channels + c] += x[i * channels + c] / counts[j];
        }
    }
    y
}

/// Each dy is shared out evenly among the values of its window. dy is (B, H', W', C), dx is
/// (B, H, W, C).
pub fn avg_pool_grad(dy: &[f64], x_shape: ImageShape, window: &Window) -> Vec<f64> {
    let channels = x_shape[3];
    let counts = counts(x_shape, window);
    let mut dx = vec![0.0; x_shape.iter().product()];
    for (i, j) in joins(x_shape, window).concat() {
        for c in 0..channels {
            dx[i * channels + c] += dy[j * channels + c] / counts[j];
        }
    }
    dx
}

/// How many values each window has, (B·H'·W').
fn counts(x_shape: ImageShape, window: &Window) -> Vec<f64> {
    let positions = output_shape(x_shape, window, 1).iter().product();
    let mut counts = vec![0.0; positions];
    for (_, j) in joins(x_shape, window).concat() {
        counts[j] += 1.0;
    }
    counts
}

/// The mean over all positions. x is (B, H, W, C), y is (B, C).
pub fn global_avg_pool(x: &[f64], x_shape: ImageShape) -> Vec<f64> {
    let [batch, height, width, channels] = x_shape;
    let positions = height * width;
    let mut y = vec![0.0; batch * channels];
    for b in 0..batch {
        for position in 0..positions {
            for c in 0..channels {
                let value = x[(b * positions + position) * channels + c];
                y[b * channels + c] += value / positions as f64;
            }
        }
    }
    y
}

/// Each dy is shared out evenly among all positions. dy is (B, C), dx is (B, H, W, C).
pub fn global_avg_pool_grad(dy: &[f64], x_shape: ImageShape) -> Vec<f64> {
    let [batch, height, width, channels] = x_shape;
    let positions = height * width;
    let mut dx = Vec::with_capacity(batch * positions * channels);
    for b in 0..batch {
        for _ in 0..positions {
            for c in 0..channels {
                dx.push(dy[b * channels + c] / positions as f64);
            }
        }
    }
    dx
}
