use laptime_graph::Reshape;

use super::each::{Each, Reading};

impl Each for Reshape {
    fn value(&self, at: &mut Reading) -> String {
        format!("v = {};\n", at.input(0, "i"))
    }

    fn is_of_pixels(&self) -> bool {
        true
    }
}
