use super::{Definition, Shapes};
use crate::simplification::Simplification;

/// (g, w, m, v) → (w, m, v), in place: Adam (Kingma & Ba 2015) in Keras's form. With t counting steps from 1:
/// `m ← m + (1−β₁)(g − m)`, `v ← v + (1−β₂)(g² − v)`,
/// `w ← w − learning_rate·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + ε)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the uncorrected second moment.
    pub epsilon: f64,
}

impl Definition for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![
            ("learning_rate", self.learning_rate.to_string()),
            ("beta1", self.beta1.to_string()),
            ("beta2", self.beta2.to_string()),
            ("epsilon", format!("{:e}", self.epsilon)),
        ]
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        12 * of.input_elements(0)
    }

    fn is_update(&self) -> bool {
        true
    }
}
