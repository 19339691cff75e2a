use super::{Definition, Forward, Gradient, Iteration, OperandAxes};

/// (given (B, …)) → ((B, …)): `given / divisor`, bytes or floats of the dataset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScalePixels {
    /// What they are divided by: 1 for floats, which are taken as they are.
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
