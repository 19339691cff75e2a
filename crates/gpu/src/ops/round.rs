use laptime_graph::Round;

use super::each::{Each, Reading};

impl Each for Round {
    fn value(&self, at: &mut Reading) -> String {
        let value = at.input(0, "i");
        format!("v = {};\n", at.shader.rounded(&value))
    }

    fn is_of_pixels(&self) -> bool {
        true
    }
}
