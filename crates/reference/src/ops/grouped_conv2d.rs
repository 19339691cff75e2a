//! The convolution of groups of channels by themselves, and its two gradients. Padding is never multiplied.

use laptime_workload::Window;

use super::image::{ImageShape, joins, output_shape};

/// `y[b, i, j, o] = Σ x[b, i·stride + u·dilation − above, j·stride + v·dilation − left, g·I + c] · w[o, c, u, v]` over the taps (u, v)
/// and the I = C/groups channels c of the group g that o is in, ⌊o·groups/O⌋; outside of x is 0. x is (B, H, W, C), w is
/// (O, I, kernel height, kernel width), y is (B, H', W', O).
pub fn grouped_conv2d(
    x: &[f64],
    x_shape: ImageShape,
    w: &[f64],
    window: &Window,
    groups: usize,
) -> Vec<f64> {
    let filters = filters(w.len(), x_shape, window, groups);
    let mut y = vec![0.0; output_shape(x_shape, window, filters).iter().product()];
    each(x_shape, filters, window, groups, |x_at, y_at, w_at| {
        y[y_at] += x[x_at] * w[w_at]
    });
    y
}

/// `dx[b, p, q, g·I + c] = Σ dy[b, i, j, o] · w[o, c, u, v]` over the filters o of group g and all places where the
/// tap (u, v) of output (i, j) lies on (p, q). dy is (B, H', W', O), w is (O, I, …), dx is (B, H, W, C).
pub fn grouped_conv2d_grad_input(
    dy: &[f64],
    w: &[f64],
    x_shape: ImageShape,
    window: &Window,
    groups: usize,
) -> Vec<f64> {
    let filters = filters(w.len(), x_shape, window, groups);
    let mut dx = vec![0.0; x_shape.iter().product()];
    each(x_shape, filters, window, groups, |x_at, y_at, w_at| {
        dx[x_at] += dy[y_at] * w[w_at]
    });
    dx
}

/// `dw[o, c, u, v] = Σ dy[b, i, j, o] · x[b, p, q, g·I + c]` over all outputs (b, i, j) whose tap (u, v) lies on an
/// input (b, p, q). x is (B, H, W, C), dy is (B, H', W', O), dw is (O, I, …).
pub fn grouped_conv2d_grad_weight(
    x: &[f64],
    x_shape: ImageShape,
    dy: &[f64],
    window: &Window,
    groups: usize,
) -> Vec<f64> {
    let [batch, rows, columns, _] = output_shape(x_shape, window, 1);
    let filters = dy.len() / (batch * rows * columns);
    let taps: usize = window.kernel.iter().product();
    let mut dw = vec![0.0; filters * x_shape[3] / groups * taps];
    each(x_shape, filters, window, groups, |x_at, y_at, w_at| {
        dw[w_at] += dy[y_at] * x[x_at]
    });
    dw
}

/// O, of so many weights.
fn filters(weights: usize, x_shape: ImageShape, window: &Window, groups: usize) -> usize {
    let taps: usize = window.kernel.iter().product();
    weights / (x_shape[3] / groups * taps)
}

/// Calls `visit` with the places in x, y and w of every product.
fn each(
    x_shape: ImageShape,
    filters: usize,
    window: &Window,
    groups: usize,
    mut visit: impl FnMut(usize, usize, usize),
) {
    let [batch, height, width, channels] = x_shape;
    let [_, rows, columns, _] = output_shape(x_shape, window, filters);
    let taps: usize = window.kernel.iter().product();
    let (inputs, outputs) = (channels / groups, filters / groups);
    for (tap, pairs) in joins(x_shape, window).into_iter().enumerate() {
        for b in 0..batch {
            for &(i, j) in &pairs {
                let x_row = (b * height * width + i) * channels;
                let y_row = (b * rows * columns + j) * filters;
                for o in 0..filters {
                    let first = o / outputs * inputs;
                    for c in 0..inputs {
                        let w_at = (o * inputs + c) * taps + tap;
                        visit(x_row + first + c, y_row + o, w_at);
                    }
                }
            }
        }
    }
}
