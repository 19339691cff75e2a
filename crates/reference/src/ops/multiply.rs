//! Products value by value, and of images with a factor for each channel.

use super::image::ImageShape;
use crate::shares::map_two;

/// `y = a·b`; any shape.
pub fn multiply(a: &[f64], b: &[f64]) -> Vec<f64> {
    map_two(a, b, |a, b| a * b)
}

/// `y[b, i, j, c] = x[b, i, j, c]·s[b, c]`. x and y are (B, H, W, C), s is (B, C).
pub fn multiply_channels(x: &[f64], x_shape: ImageShape, s: &[f64]) -> Vec<f64> {
    let [_, height, width, channels] = x_shape;
    let sample = height * width * channels;
    let factor = |place: usize| s[place / sample * channels + place % channels];
    let values = x.iter().enumerate();
    values.map(|(place, x)| x * factor(place)).collect()
}

/// `ds[b, c] = Σ dy[b, i, j, c]·x[b, i, j, c]` over the positions (i, j). dy and x are (B, H, W, C), ds is (B, C).
pub fn multiply_channels_grad(dy: &[f64], x: &[f64], x_shape: ImageShape) -> Vec<f64> {
    let [batch, height, width, channels] = x_shape;
    let sample = height * width * channels;
    let mut ds = vec![0.0; batch * channels];
    for (place, (dy, x)) in dy.iter().zip(x).enumerate() {
        ds[place / sample * channels + place % channels] += dy * x;
    }
    ds
}
