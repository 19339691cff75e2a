//! The mean of each window, or of a whole image, and its gradient.

use laptime_workload::Window;

use super::image::{ImageShape, joins, output_shape};
use crate::shares::fill_rows;

/// The mean of the values of x in each window, padding left out. x is (B, H, W, C), y is
/// (B, H', W', C).
pub fn avg_pool(x: &[f64], x_shape: ImageShape, window: &Window) -> Vec<f64> {
    let channels = x_shape[3];
    let y_shape = output_shape(x_shape, window, channels);
    let joins = joins(x_shape, window).concat();
    let counts = counts(&joins, y_shape);
    let mut y = vec![0.0; y_shape.iter().product()];
    let (of_x, of_y) = (x.len() / x_shape[0], y.len() / x_shape[0]);
    fill_rows(&mut y, of_y, x.len(), |first, y| {
        for (x, y) in x[first * of_x..].chunks(of_x).zip(y.chunks_mut(of_y)) {
            for &(i, j) in &joins {
                for c in 0..channels {
                    y[j * channels + c] += x[i * channels + c] / counts[j];
                }
            }
        }
    });
    y
}

/// Each dy is shared out evenly among the values of its window. dy is (B, H', W', C), dx is
/// (B, H, W, C).
pub fn avg_pool_grad(dy: &[f64], x_shape: ImageShape, window: &Window) -> Vec<f64> {
    let channels = x_shape[3];
    let joins = joins(x_shape, window).concat();
    let counts = counts(&joins, output_shape(x_shape, window, channels));
    let mut dx = vec![0.0; x_shape.iter().product()];
    let (of_dx, of_dy) = (dx.len() / x_shape[0], dy.len() / x_shape[0]);
    let values = dx.len();
    fill_rows(&mut dx, of_dx, values, |first, dx| {
        let dy = dy[first * of_dy..].chunks(of_dy);
        for (dx, dy) in dx.chunks_mut(of_dx).zip(dy) {
            for &(i, j) in &joins {
                for c in 0..channels {
                    dx[i * channels + c] += dy[j * channels + c] / counts[j];
                }
            }
        }
    });
    dx
}

/// How many values each window of an image has, (H'·W').
fn counts(joins: &[(usize, usize)], [_, height, width, _]: ImageShape) -> Vec<f64> {
    let mut counts = vec![0.0; height * width];
    for &(_, j) in joins {
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
