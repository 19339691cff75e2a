use super::{Definition, Shapes};
use crate::simplification::Simplification;

// (g, w, v) → (w, v), in place.
pub use laptime_workload::RmsProp;

impl Definition for RmsProp {
    fn name(&self) -> &'static str {
        "rmsprop"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![
            ("learning_rate", self.learning_rate.to_string()),
            ("alpha", self.alpha.to_string()),
            ("epsilon", format!("{:e}", self.epsilon)),
        ]
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        9 * of.input_elements(0)
    }

    fn is_update(&self) -> bool {
        true
    }
}
