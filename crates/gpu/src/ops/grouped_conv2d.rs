use laptime_graph::{
    GroupedConv2d, GroupedConv2dGradInput, GroupedConv2dGradWeight, Operation, Program,
};

use super::{
    each::{Each, Reading},
    sums::ColumnSums,
    windows::{coordinates, offsets, taps, windows},
};
use crate::shader::Shader;

impl Each for GroupedConv2d {
    fn value(&self, at: &mut Reading) -> String {
        let (x, y) = (at.input_shape(0), at.output_shape());
        let (inputs, outputs) = (x[3] / self.groups, y[3] / self.groups);
        let value = at.input(
            0,
            &format!(
                "((b * {}u + iy) * {}u + ix) * {}u + first + j",
                x[1], x[2], x[3]
            ),
        );
        // Filters lie as [tap][input][output].
        let weight = at.input(1, &format!("(tap * {inputs}u + j) * {}u + c", y[3]));
        format!(
            "{}let first = c / {outputs}u * {inputs}u;\n{}\
             for (var j = 0u; j < {inputs}u; j++) {{ v += {value} * {weight}; }}\n}}\n",
            coordinates("o", y),
            taps(&self.window, x)
        )
    }
}

impl Each for GroupedConv2dGradInput {
    fn value(&self, at: &mut Reading) -> String {
        let (y, x) = (at.input_shape(0), at.output_shape());
        let (inputs, outputs) = (x[3] / self.groups, y[3] / self.groups);
        let dy = at.input(
            0,
            &format!(
                "((b * {}u + oy) * {}u + ox) * {}u + first + j",
                y[1], y[2], y[3]
            ),
        );
        let weight = at.input(
            1,
            &format!(
                "(tap_here * {inputs}u + c % {inputs}u) * {}u + first + j",
                y[3]
            ),
        );
        format!(
            "{}let first = c / {inputs}u * {outputs}u;\n{}\
             for (var j = 0u; j < {outputs}u; j++) {{ v += {dy} * {weight}; }}\n}}\n",
            coordinates("i", x),
            windows(&self.window, y)
        )
    }
}

impl ColumnSums for GroupedConv2dGradWeight {
    /// The positions of all images.
    fn rows(&self, own: &Operation, program: &Program) -> usize {
        program.tensor(own.inputs[1]).shape[..3].iter().product()
    }

    fn term(&self, own: &Operation, _: &str, shader: &mut Shader) -> String {
        let (x, y) = (shader.shape(own.inputs[0]), shader.shape(own.inputs[1]));
        let (inputs, outputs) = (x[3] / self.groups, y[3] / self.groups);
        let value = shader.value(
            own.inputs[0],
            &format!(
                "((b * {}u + iy) * {}u + ix) * {}u + channel",
                x[1], x[2], x[3]
            ),
        );
        let dy = shader.value(own.inputs[1], &format!("row * {}u + o", y[3]));
        let [down, right] = self.window.stride;
        let [tap_down, tap_right] = offsets(&self.window, "tap");
        let [above, _, left, _] = self.window.padding;
        // Filters lie as [tap][input][output].
        shader.function(format!(
            "fn joined(row: u32, i: u32) -> f32 {{\n\
             let o = i % {}u;\nlet tap = i / {}u;\n\
             let channel = o / {outputs}u * {inputs}u + i / {}u % {inputs}u;\n\
             let b = row / {}u;\nlet oy = row / {}u % {}u;\nlet ox = row % {}u;\n\
             let iy = oy * {down}u + {tap_down} - {above}u;\n\
             let ix = ox * {right}u + {tap_right} - {left}u;\n\
             if iy >= {}u || ix >= {}u {{ return 0.0; }}\nreturn {value} * {dy};\n}}\n",
            y[3],
            y[3] * inputs,
            y[3],
            y[1] * y[2],
            y[2],
            y[1],
            y[2],
            x[1],
            x[2],
        ));
        "joined(row, i)".into()
    }
}
