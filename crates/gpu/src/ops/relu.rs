use laptime_graph::{Relu, ReluGrad};

use super::each::{Each, Reading};

impl Each for Relu {
    fn value(&self, at: &mut Reading) -> String {
        at.shader.not_finite();
        format!("v = relu({});\n", at.input(0, "i"))
    }
}

impl Each for ReluGrad {
    fn value(&self, at: &mut Reading) -> String {
        format!(
            "v = select(0.0, {}, {} > 0.0);\n",
            at.input(1, "i"),
            at.input(0, "i")
        )
    }
}
