/// factor·x + offset.
pub(super) fn value(x: f64, factor: f64, offset: f64) -> f64 {
    factor * x + offset
}
