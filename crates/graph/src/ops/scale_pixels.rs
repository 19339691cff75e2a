use super::{Definition, Forward, Gradient, Iteration, OperandAxes};

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

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Iteration::pointwise(1, axes)
    }

    /// Nobody asks for the gradient of pixels.
    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        Some(Vec::new())
    }
}
