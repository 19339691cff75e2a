use laptime_graph::Accumulate;

use super::{
    each::{Each, Reading},
    update::Gradient,
};

impl Each for Accumulate {
    fn value(&self, at: &mut Reading) -> String {
        let gradient = Gradient::of(at.shader.program, at.own.inputs[0]);
        let gradient = gradient.value(at.shader, "i");
        let sum = at.input(1, "i");
        // Before a step's first micro-batch the sum is none.
        format!("v = {gradient};\nif step.row > 0u {{ v = {sum} + v; }}\n")
    }
}
