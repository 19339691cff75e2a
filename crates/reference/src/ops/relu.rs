//! The rectifier and its gradient.

use crate::shares::{map, map_two};

/// `y = max(x, 0)`, any shape. Written so that NaN stays NaN, which `f64::max` would hide.
pub fn relu(x: &[f64]) -> Vec<f64> {
    map(x, |x| if x <= 0.0 { 0.0 } else { x })
}

/// `dx = dy` where `y > 0`, else 0; any shape. At exactly 0 the gradient is 0, as in Keras and
/// PyTorch.
pub fn relu_grad(y: &[f64], dy: &[f64]) -> Vec<f64> {
    map_two(y, dy, |y, dy| if y > 0.0 { dy } else { 0.0 })
}
