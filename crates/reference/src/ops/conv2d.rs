//! The convolution and its two gradients: for each tap of the kernel a matrix product over the positions
//! that it joins. Padding is never multiplied.

use laptime_workload::Window;

use super::{
    image::{ImageShape, joins, output_shape},
    joins::Joins,
};

/// `y[b, i, j, o] = Σ x[b, i·stride + u·dilation − above, j·stride + v·dilation − left, c] · w[o, c, u, v]` over the
/// taps (u, v) and the channels c; outside of x is 0. x is (B, H, W, C), w is (O, C, kernel
/// height, kernel width), y is (B, H', W', O).
pub fn conv2d(x: &[f64], x_shape: ImageShape, w: &[f64], window: &Window) -> Vec<f64> {
    let (channels, taps) = (x_shape[3], taps(window));
    let filters = w.len() / channels / taps;
    let joins = joined(x_shape, window);
    let size = [channels, filters];
    let matrices = joins.matrices(size, |tap, c, o| w[(o * channels + c) * taps + tap]);
    joins.products(x, &matrices, size)
}

/// `dx[b, p, q, c] = Σ dy[b, i, j, o] · w[o, c, u, v]` over the filters o and all places where the
/// tap (u, v) of output (i, j) lies on (p, q). dy is (B, H', W', O), w is (O, C, kernel height,
/// kernel width), dx is (B, H, W, C).
pub fn conv2d_grad_input(dy: &[f64], w: &[f64], x_shape: ImageShape, window: &Window) -> Vec<f64> {
    let (channels, taps) = (x_shape[3], taps(window));
    let filters = w.len() / channels / taps;
    let joins = joined(x_shape, window).turned();
    let size = [filters, channels];
    let matrices = joins.matrices(size, |tap, o, c| w[(o * channels + c) * taps + tap]);
    joins.products(dy, &matrices, size)
}

/// `dw[o, c, u, v] = Σ dy[b, i, j, o] · x[b, p, q, c]` over all outputs (b, i, j) whose tap (u, v)
/// lies on an input (b, p, q). x is (B, H, W, C), dy is (B, H', W', O), dw is (O, C, kernel
/// height, kernel width).
pub fn conv2d_grad_weight(x: &[f64], x_shape: ImageShape, dy: &[f64], window: &Window) -> Vec<f64> {
    let positions: usize = output_shape(x_shape, window, 1).iter().product();
    let filters = dy.len() / positions;
    joined(x_shape, window).outer_products([dy, x], [filters, x_shape[3]], taps(window))
}

fn joined(x_shape: ImageShape, window: &Window) -> Joins {
    let [batch, height, width, _] = x_shape;
    let [_, rows, columns, _] = output_shape(x_shape, window, 1);
    let positions = [height * width, rows * columns];
    Joins::new(batch, positions, joins(x_shape, window))
}

/// The number of taps.
fn taps(window: &Window) -> usize {
    window.kernel.iter().product()
}
