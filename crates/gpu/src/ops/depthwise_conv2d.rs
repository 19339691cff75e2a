use laptime_graph::{
    DepthwiseConv2d, DepthwiseConv2dGradInput, DepthwiseConv2dGradWeight, Operation, Program,
};

use super::{
    each::{Each, Reading},
    sums::ColumnSums,
    windows::{coordinates, offsets, place_in, place_out, taps, windows},
};
use crate::shader::Shader;

impl Each for DepthwiseConv2d {
    fn value(&self, at: &mut Reading) -> String {
        let (x, y) = (at.input_shape(0), at.output_shape());
        let value = at.input(0, &place_in(x));
        let weight = at.input(1, &format!("tap * {}u + c", x[3]));
        format!(
            "{}{}v += {value} * {weight};\n}}\n",
            coordinates("o", y),
            taps(&self.window, x)
        )
    }
}

impl Each for DepthwiseConv2dGradInput {
    fn value(&self, at: &mut Reading) -> String {
        let (y, x) = (at.input_shape(0), at.output_shape());
        let dy = at.input(0, &place_out(y));
        let weight = at.input(1, &format!("tap_here * {}u + c", x[3]));
        format!(
            "{}{}v += {dy} * {weight};\n}}\n",
            coordinates("i", x),
            windows(&self.window, y)
        )
    }
}

impl ColumnSums for DepthwiseConv2dGradWeight {
    /// The positions of all images.
    fn rows(&self, own: &Operation, program: &Program) -> usize {
        program.tensor(own.inputs[1]).shape[..3].iter().product()
    }

    fn term(&self, own: &Operation, _: &str, shader: &mut Shader) -> String {
        let (x, y) = (shader.shape(own.inputs[0]), shader.shape(own.inputs[1]));
        let channels = x[3];
        let value = shader.value(own.inputs[0], &place_in(x));
        let dy = shader.value(own.inputs[1], &format!("row * {channels}u + c"));
        let [down, right] = self.window.stride;
        let [tap_down, tap_right] = offsets(&self.window, "tap");
        let [above, _, left, _] = self.window.padding;
        // Filters lie as [tap][channel].
        shader.function(format!(
            "fn joined(row: u32, i: u32) -> f32 {{\n\
             let c = i % {channels}u;\nlet tap = i / {channels}u;\n\
             let b = row / {}u;\nlet oy = row / {}u % {}u;\nlet ox = row % {}u;\n\
             let iy = oy * {down}u + {tap_down} - {above}u;\n\
             let ix = ox * {right}u + {tap_right} - {left}u;\n\
             if iy >= {}u || ix >= {}u {{ return 0.0; }}\nreturn {value} * {dy};\n}}\n",
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
