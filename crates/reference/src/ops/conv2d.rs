//! The convolution and its two gradients.
//!
//! Images are seen as matrices with a row for each position of each sample and a column for each
//! channel. Each tap of the kernel is then a matrix product over the rows that it joins, and the
//! innermost loop runs along a row: that is all the speed this needs.

use laptime_workload::Window;

use super::image::{ImageShape, joins, output_shape};

/// `y[b, i, j, o] = Σ x[b, i·stride + u − above, j·stride + v − left, c] · w[o, c, u, v]` over the
/// taps (u, v) and the channels c; outside of x is 0. x is (B, H, W, C), w is (O, C, kernel
/// height, kernel width), y is (B, H', W', O).
pub fn conv2d(x: &[f64], x_shape: ImageShape, w: &[f64], window: &Window) -> Vec<f64> {
    let channels = x_shape[3];
    let filters = w.len() / channels / taps(window);
    let y_shape = output_shape(x_shape, window, filters);
    let mut y = vec![0.0; y_shape.iter().product()];
    for (tap, pairs) in joins(x_shape, window).iter().enumerate() {
        if pairs.is_empty() {
            continue;
        }
        // (C, O), so that the innermost loop runs along y's row.
        let mut w_tap = Vec::with_capacity(channels * filters);
        for c in 0..channels {
            for o in 0..filters {
                w_tap.push(w[(o * channels + c) * taps(window) + tap]);
            }
        }
        for &(i, j) in pairs {
            let x = &x[i * channels..][..channels];
            add_product(&mut y[j * filters..][..filters], x, &w_tap);
        }
    }
    y
}

/// `dx[b, p, q, c] = Σ dy[b, i, j, o] · w[o, c, u, v]` over the filters o and all places where the
/// tap (u, v) of output (i, j) lies on (p, q). dy is (B, H', W', O), w is (O, C, kernel height,
/// kernel width), dx is (B, H, W, C).
pub fn conv2d_grad_input(dy: &[f64], w: &[f64], x_shape: ImageShape, window: &Window) -> Vec<f64> {
    let channels = x_shape[3];
    let filters = w.len() / channels / taps(window);
    let mut dx = vec![0.0; x_shape.iter().product()];
    for (tap, pairs) in joins(x_shape, window).iter().enumerate() {
        if pairs.is_empty() {
            continue;
        }
        // (O, C), so that the innermost loop runs along dx's row.
        let w_tap: Vec<f64> = w.iter().skip(tap).step_by(taps(window)).copied().collect();
        for &(i, j) in pairs {
            let dy = &dy[j * filters..][..filters];
            add_product(&mut dx[i * channels..][..channels], dy, &w_tap);
        }
    }
    dx
}

/// `dw[o, c, u, v] = Σ dy[b, i, j, o] · x[b, p, q, c]` over all outputs (b, i, j) whose tap (u, v)
/// lies on an input (b, p, q). x is (B, H, W, C), dy is (B, H', W', O), dw is (O, C, kernel
/// height, kernel width).
pub fn conv2d_grad_weight(x: &[f64], x_shape: ImageShape, dy: &[f64], window: &Window) -> Vec<f64> {
    let channels = x_shape[3];
    let positions: usize = output_shape(x_shape, window, 1).iter().product();
    let filters = dy.len() / positions;
    let mut dw = vec![0.0; filters * channels * taps(window)];
    for (tap, pairs) in joins(x_shape, window).iter().enumerate() {
        for o in 0..filters {
            let mut sum = vec![0.0; channels];
            for &(i, j) in pairs {
                add_scaled(
                    &mut sum,
                    dy[j * filters + o],
                    &x[i * channels..][..channels],
                );
            }
            for c in 0..channels {
                dw[(o * channels + c) * taps(window) + tap] = sum[c];
            }
        }
    }
    dw
}

/// The number of taps.
fn taps(window: &Window) -> usize {
    window.kernel.iter().product()
}

/// `to += from·matrix`. to is (N), from is (M), matrix is (M, N).
fn add_product(to: &mut [f64], from: &[f64], matrix: &[f64]) {
    for (from, row) in from.iter().zip(matrix.chunks_exact(to.len())) {
        add_scaled(to, *from, row);
    }
}

/// `to += factor·row`. to and row are (N).
fn add_scaled(to: &mut [f64], factor: f64, row: &[f64]) {
    for (to, value) in to.iter_mut().zip(row) {
        *to += factor * value;
    }
}
