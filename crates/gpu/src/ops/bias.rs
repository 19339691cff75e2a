use laptime_graph::Bias;

use super::each::{Each, Reading};

impl Each for Bias {
    fn value(&self, at: &mut Reading) -> String {
        let channels = at.input_shape(1)[0];
        format!(
            "v = {} + {};\n",
            at.input(0, "i"),
            at.input(1, &format!("i % {channels}u"))
        )
    }
}
