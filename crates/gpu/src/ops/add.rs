use laptime_graph::Add;

use super::each::{Each, Reading};

impl Each for Add {
    fn value(&self, at: &mut Reading) -> String {
        // What is there already comes first.
        let [first, second] = if at.is_running(1) { [1, 0] } else { [0, 1] };
        format!(
            "v = {} + {};\n",
            at.input(first, "i"),
            at.input(second, "i")
        )
    }
}
