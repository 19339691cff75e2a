use super::{Definition, Forward, Gradient, Shapes};
use crate::simplification::Simplification;

/// (bytes (B, …)) → ((B, …)): `bytes / divisor`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScalePixels {
    /// What pixels are divided by.
    pub divisor: f32,
}

impl Definition for ScalePixels {
    fn name(&self) -> &'static str {
        "scale_pixels"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![("divisor", self.divisor.to_string())]
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        of.input_elements(0)
    }

    /// Nobody asks for the gradient of pixels.
    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        Some(Vec::new())
    }
}
