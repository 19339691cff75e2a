//! The convolution of each channel by itself, and its two gradients. Padding is never multiplied.

use laptime_workload::Window;

use super::image::{ImageShape, joins, output_shape};

/// `y[b, i, j, c] = Σ x[b, i·stride + u·dilation − above, j·stride + v·dilation − left, c] · w[c, u, v]` over the taps (u, v);
/// outside of x is 0. x is (B, H, W, C), w is (C, 1, kernel height, kernel width), y is (B, H', W', C).
pub fn depthwise_conv2d(x: &[f64], x_shape: ImageShape, w: &[f64], window: &Window) -> Vec<f64> {
    let mut y = vec![0.0; output_shape(x_shape, window, x_shape[3]).iter().product()];
    each(x_shape, window, |x_at, y_at, w_at| {
        y[y_at] += x[x_at] * w[w_at]
    });
    y
}

/// `dx[b, p, q, c] = Σ dy[b, i, j, c] · w[c, u, v]` over all places where the tap (u, v) of output (i, j) lies on
/// (p, q). dy is (B, H', W', C), w is (C, 1, …), dx is (B, H, W, C).
pub fn depthwise_conv2d_grad_input(
    dy: &[f64],
    w: &[f64],
    x_shape: ImageShape,
    window: &Window,
) -> Vec<f64> {
    let mut dx = vec![0.0; x_shape.iter().product()];
    each(x_shape, window, |x_at, y_at, w_at| {
        dx[x_at] += dy[y_at] * w[w_at]
    });
    dx
}

/// `dw[c, u, v] = Σ dy[b, i, j, c] · x[b, p, q, c]` over all outputs (b, i, j) whose tap (u, v) lies on an input
/// (b, p, q). x is (B, H, W, C), dy is (B, H', W', C), dw is (C, 1, …).
pub fn depthwise_conv2d_grad_weight(
    x: &[f64],
    x_shape: ImageShape,
    dy: &[f64],
    window: &Window,
) -> Vec<f64> {
    let taps: usize = window.kernel.iter().product();
    let mut dw = vec![0.0; x_shape[3] * taps];
    each(x_shape, window, |x_at, y_at, w_at| {
        dw[w_at] += dy[y_at] * x[x_at]
    });
    dw
}

/// Calls `visit` with the places in x, y and w of every product.
fn each(x_shape: ImageShape, window: &Window, mut visit: impl FnMut(usize, usize, usize)) {
    let [batch, height, width, channels] = x_shape;
    let [_, rows, columns, _] = output_shape(x_shape, window, channels);
    let taps: usize = window.kernel.iter().product();
    for (tap, pairs) in joins(x_shape, window).into_iter().enumerate() {
        for b in 0..batch {
            for &(i, j) in &pairs {
                for c in 0..channels {
                    let x_at = (b * height * width + i) * channels + c;
                    let y_at = (b * rows * columns + j) * channels + c;
                    visit(x_at, y_at, c * taps + tap);
                }
            }
        }
    }
}
