use super::{Definition, Shapes};
use crate::simplification::Simplification;

// (g, w, u) → (w, u), in place.
pub use laptime_workload::Sgd;

impl Definition for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        let mut constants = vec![
            ("learning_rate", self.learning_rate.to_string()),
            ("momentum", self.momentum.to_string()),
        ];
        if self.nesterov {
            constants.push(("nesterov", "true".into()));
        }
        constants
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        let each = if self.nesterov { 6 } else { 4 };
        each * of.input_elements(0)
    }

    fn is_update(&self) -> bool {
        true
    }
}
