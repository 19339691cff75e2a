use laptime_graph::{Bias, BiasGrad, Operation};

use super::{
    each::{Each, Reading},
    sums::ColumnSums,
};
use crate::shader::Shader;

impl Each for Bias {
    fn value(&self, at: &mut Reading) -> String {
        let channels = at.input_shape(1)[0];
        format!(
            "v = {} + {};\n",
            at.input(0, "i"),
            at.input(1, &format!("i % {channels}u"))
        )
    }

    fn adds(&self) -> bool {
        true
    }
}

impl ColumnSums for BiasGrad {
    fn term(&self, own: &Operation, index: &str, shader: &mut Shader) -> String {
        shader.value(own.inputs[0], index)
    }
}
