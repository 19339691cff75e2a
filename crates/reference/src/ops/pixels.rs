//! Pixels become numbers.

/// `y = pixels / divisor`. pixels and y are (B, …); the bytes are given as numbers 0 to 255.
pub fn scale_pixels(pixels: &[f64], divisor: f64) -> Vec<f64> {
    pixels.iter().map(|pixel| pixel / divisor).collect()
}
