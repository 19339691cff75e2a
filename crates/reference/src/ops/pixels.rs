//! Pixels become numbers.

use crate::shares::map;

/// `y = pixels / divisor`. pixels and y are (B, …); the bytes are given as numbers 0 to 255.
pub fn scale_pixels(pixels: &[f64], divisor: f64) -> Vec<f64> {
    map(pixels, |pixel| pixel / divisor)
}
