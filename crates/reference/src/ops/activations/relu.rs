/// max(x, 0). Written so that NaN stays NaN, which `f64::max` would hide.
pub(super) fn value(x: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { x }
}

/// dy where y > 0, else 0, whatever dy is. At exactly 0 it is 0, as in Keras and PyTorch, and so it is where y is
/// NaN, as in Keras.
pub(super) fn gradient(y: f64, dy: f64) -> f64 {
    if y > 0.0 { dy } else { 0.0 }
}
