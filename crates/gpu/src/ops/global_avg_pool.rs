use laptime_graph::{GlobalAvgPool, GlobalAvgPoolGrad};

use super::each::{Each, Reading};
use crate::shader::number;

impl Each for GlobalAvgPool {
    fn value(&self, at: &mut Reading) -> String {
        let x = at.input_shape(0);
        let (positions, channels) = (x[1] * x[2], x[3]);
        let value = at.input(
            0,
            &format!("(i / {channels}u * {positions}u + p) * {channels}u + i % {channels}u"),
        );
        format!(
            "for (var p = 0u; p < {positions}u; p++) {{ v += {value}; }}\nv = v / {};\n",
            number(positions as f64)
        )
    }
}

impl Each for GlobalAvgPoolGrad {
    fn value(&self, at: &mut Reading) -> String {
        let x = at.output_shape();
        let (positions, channels) = (x[1] * x[2], x[3]);
        let sample = positions * channels;
        let value = at.input(0, &format!("i / {sample}u * {channels}u + i % {channels}u"));
        format!("v = {value} / {};\n", number(positions as f64))
    }
}
