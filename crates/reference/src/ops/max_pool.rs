//! The largest value of each window, and its gradient.

use laptime_workload::Window;

use super::image::{ImageShape, joins, output_shape};
use crate::shares::fill_rows;

/// The largest value of x in each window; padding never wins. x is (B, H, W, C), y is
/// (B, H', W', C). NaN stays NaN.
pub fn max_pool(x: &[f64], x_shape: ImageShape, window: &Window) -> Vec<f64> {
    let channels = x_shape[3];
    let y_shape = output_shape(x_shape, window, channels);
    let joins = joins(x_shape, window).concat();
    let mut y = vec![f64::NEG_INFINITY; y_shape.iter().product()];
    let (of_x, of_y) = (x.len() / x_shape[0], y.len() / x_shape[0]);
    fill_rows(&mut y, of_y, x.len(), |first, y| {
        for (x, y) in x[first * of_x..].chunks(of_x).zip(y.chunks_mut(of_y)) {
            for &(i, j) in &joins {
                let x = &x[i * channels..][..channels];
                let y = &mut y[j * channels..][..channels];
                for c in 0..channels {
                    if x[c] > y[c] || x[c].is_nan() {
                        y[c] = x[c];
                    }
                }
            }
        }
    });
    y
}

/// Each dy goes to the first largest value of its window, row by row. x and dx are (B, H, W, C),
/// y and dy are (B, H', W', C).
pub fn max_pool_grad(
    x: &[f64],
    x_shape: ImageShape,
    y: &[f64],
    dy: &[f64],
    window: &Window,
) -> Vec<f64> {
    let channels = x_shape[3];
    let joins = joins(x_shape, window).concat();
    let mut dx = vec![0.0; x.len()];
    let (of_x, of_y) = (x.len() / x_shape[0], y.len() / x_shape[0]);
    fill_rows(&mut dx, of_x, 2 * x.len(), |first, dx| {
        for (sample, dx) in dx.chunks_mut(of_x).enumerate() {
            let x = &x[(first + sample) * of_x..][..of_x];
            let [y, dy] = [y, dy].map(|all| &all[(first + sample) * of_y..][..of_y]);
            let mut given = vec![false; of_y];
            for &(i, j) in &joins {
                for c in 0..channels {
                    let (from, to) = (j * channels + c, i * channels + c);
                    if !given[from] && (x[to] == y[from] || x[to].is_nan()) {
                        dx[to] += dy[from];
                        given[from] = true;
                    }
                }
            }
        }
    });
    dx
}
