use super::{Definition, Shapes};
use crate::simplification::Simplification;

/// (g, w, u) → (w, u), in place: `u ← momentum·u + g`, `w ← w − learning_rate·u`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// Step size.
    pub learning_rate: f64,
    /// How much of the velocity u is kept.
    pub momentum: f64,
}

impl Definition for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![
            ("learning_rate", self.learning_rate.to_string()),
            ("momentum", self.momentum.to_string()),
        ]
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        4 * of.input_elements(0)
    }

    fn is_update(&self) -> bool {
        true
    }
}
