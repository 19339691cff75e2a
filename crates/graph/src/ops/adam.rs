use super::{Definition, Shapes};
use crate::simplification::Simplification;

// (g, w, m, v) → (w, m, v), in place.
pub use laptime_workload::{Adam, AdamW};

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

impl Definition for AdamW {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        let mut constants = self.adam.constants();
        constants.push(("weight_decay", self.weight_decay.to_string()));
        constants
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        14 * of.input_elements(0)
    }

    fn is_update(&self) -> bool {
        true
    }

    fn moves_without_gradient(&self) -> bool {
        true
    }
}
