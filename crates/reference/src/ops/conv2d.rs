//! The convolution and its two gradients.
//!
//! Images are seen as matrices with a row for each position of each sample and a column for each
//! channel. Each tap of the kernel is then a matrix product over the rows that it joins, and the
//! innermost loop runs along a row, for a few rows at once.

use laptime_workload::Window;

use super::{
    image::{ImageShape, joins, output_shape},
    rows::{ROWS, add_scaled, in_shares},
};

/// `y[b, i, j, o] = Σ x[b, i·stride + u − above, j·stride + v − left, c] · w[o, c, u, v]` over the
/// taps (u, v) and the channels c; outside of x is 0. x is (B, H, W, C), w is (O, C, kernel
/// height, kernel width), y is (B, H', W', O).
pub fn conv2d(x: &[f64], x_shape: ImageShape, w: &[f64], window: &Window) -> Vec<f64> {
    let [batch, height, width, channels] = x_shape;
    let filters = w.len() / channels / taps(window);
    let of_sample = x.len() / batch;
    let multiply_adds = x.len() / channels * w.len();
    in_shares(batch, multiply_adds, |samples| {
        let shape = [samples.len(), height, width, channels];
        let x = &x[samples.start * of_sample..samples.end * of_sample];
        let mut y = vec![0.0; output_shape(shape, window, filters).iter().product()];
        for (tap, pairs) in joins(shape, window).iter().enumerate() {
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
            add_products(&mut y, x, channels, &w_tap, pairs.iter().copied());
        }
        y
    })
}

/// `dx[b, p, q, c] = Σ dy[b, i, j, o] · w[o, c, u, v]` over the filters o and all places where the
/// tap (u, v) of output (i, j) lies on (p, q). dy is (B, H', W', O), w is (O, C, kernel height,
/// kernel width), dx is (B, H, W, C).
pub fn conv2d_grad_input(dy: &[f64], w: &[f64], x_shape: ImageShape, window: &Window) -> Vec<f64> {
    let [batch, height, width, channels] = x_shape;
    let filters = w.len() / channels / taps(window);
    let of_sample = dy.len() / batch;
    let multiply_adds = dy.len() / filters * w.len();
    in_shares(batch, multiply_adds, |samples| {
        let shape = [samples.len(), height, width, channels];
        let dy = &dy[samples.start * of_sample..samples.end * of_sample];
        let mut dx = vec![0.0; shape.iter().product()];
        for (tap, pairs) in joins(shape, window).iter().enumerate() {
            if pairs.is_empty() {
                continue;
            }
            // (O, C), so that the innermost loop runs along dx's row.
            let w_tap: Vec<f64> = w.iter().skip(tap).step_by(taps(window)).copied().collect();
            let pairs = pairs.iter().map(|&(i, j)| (j, i));
            add_products(&mut dx, dy, filters, &w_tap, pairs);
        }
        dx
    })
}

/// `dw[o, c, u, v] = Σ dy[b, i, j, o] · x[b, p, q, c]` over all outputs (b, i, j) whose tap (u, v)
/// lies on an input (b, p, q). x is (B, H, W, C), dy is (B, H', W', O), dw is (O, C, kernel
/// height, kernel width).
pub fn conv2d_grad_weight(x: &[f64], x_shape: ImageShape, dy: &[f64], window: &Window) -> Vec<f64> {
    let channels = x_shape[3];
    let positions: usize = output_shape(x_shape, window, 1).iter().product();
    let filters = dy.len() / positions;
    let joins = joins(x_shape, window);
    let multiply_adds = dy.len() * channels * taps(window);
    in_shares(filters, multiply_adds, |share| {
        let mut dw = vec![0.0; share.len() * channels * taps(window)];
        let mut sums = vec![0.0; ROWS * channels];
        for (tap, pairs) in joins.iter().enumerate() {
            for first in share.clone().step_by(ROWS) {
                // Beyond the last filter, that one again.
                let these: [usize; ROWS] = std::array::from_fn(|r| (first + r).min(share.end - 1));
                sums.fill(0.0);
                for &(i, j) in pairs {
                    let factors = these.map(|o| dy[j * filters + o]);
                    add_scaled(&mut sums, factors, &x[i * channels..][..channels]);
                }
                for (o, sums) in these.iter().zip(sums.chunks(channels)) {
                    for (c, sum) in sums.iter().enumerate() {
                        let to = ((o - share.start) * channels + c) * taps(window) + tap;
                        dw[to] = *sum;
                    }
                }
            }
        }
        dw
    })
}

/// The number of taps.
fn taps(window: &Window) -> usize {
    window.kernel.iter().product()
}

/// For each pair (i, j): `to[j] += from[i]·matrix`. to is (…, N), from is (…, M), matrix is (M, N).
fn add_products(
    to: &mut [f64],
    from: &[f64],
    inner: usize,
    matrix: &[f64],
    pairs: impl Iterator<Item = (usize, usize)>,
) {
    let columns = matrix.len() / inner;
    let pairs: Vec<(usize, usize)> = pairs.collect();
    let mut sums = vec![0.0; ROWS * columns];
    for these in pairs.chunks(ROWS) {
        // Beyond the last pair, that one again.
        let rows: [&[f64]; ROWS] = std::array::from_fn(|r| {
            let (i, _) = these[r.min(these.len() - 1)];
            &from[i * inner..][..inner]
        });
        sums.fill(0.0);
        for (m, row) in matrix.chunks_exact(columns).enumerate() {
            add_scaled(&mut sums, rows.map(|row| row[m]), row);
        }
        for ((_, j), sums) in these.iter().zip(sums.chunks(columns)) {
            let to = &mut to[j * columns..][..columns];
            for (to, sum) in to.iter_mut().zip(sums) {
                *to += sum;
            }
        }
    }
}
