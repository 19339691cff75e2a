//! Images made larger, each value standing in several positions.

use super::image::ImageShape;

/// `y[b, i, j, c] = x[b, ⌊i/down⌋, ⌊j/right⌋, c]`. x is (B, H, W, C), y is (B, H·down, W·right, C).
pub fn upsample(x: &[f64], x_shape: ImageShape, factor: [usize; 2]) -> Vec<f64> {
    let mut y = vec![0.0; x.len() * factor[0] * factor[1]];
    each(x_shape, factor, |x_at, y_at| y[y_at] = x[x_at]);
    y
}

/// `dx[b, p, q, c] = Σ dy[b, i, j, c]` over the positions (i, j) that have x\[b, p, q, c\].
pub fn upsample_grad(dy: &[f64], x_shape: ImageShape, factor: [usize; 2]) -> Vec<f64> {
    let mut dx = vec![0.0; x_shape.iter().product()];
    each(x_shape, factor, |x_at, y_at| dx[x_at] += dy[y_at]);
    dx
}

/// Calls `visit` with each place in y, and the place in x whose value it has.
fn each(x_shape: ImageShape, [down, right]: [usize; 2], mut visit: impl FnMut(usize, usize)) {
    let [batch, height, width, channels] = x_shape;
    let mut y_at = 0;
    for b in 0..batch {
        for i in 0..height * down {
            for j in 0..width * right {
                for c in 0..channels {
                    let row = (b * height + i / down) * width + j / right;
                    visit(row * channels + c, y_at);
                    y_at += 1;
                }
            }
        }
    }
}
