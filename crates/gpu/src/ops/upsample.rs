use laptime_graph::{Upsample, UpsampleGrad};

use super::{
    each::{Each, Reading},
    windows::coordinates,
};

impl Each for Upsample {
    fn value(&self, at: &mut Reading) -> String {
        let (x, y) = (at.input_shape(0), at.output_shape());
        let [down, right] = self.factor;
        let place = format!(
            "((b * {}u + oy / {down}u) * {}u + ox / {right}u) * {}u + c",
            x[1], x[2], x[3]
        );
        let value = at.input(0, &place);
        format!("{}v = {value};\n", coordinates("o", y))
    }
}

impl Each for UpsampleGrad {
    fn value(&self, at: &mut Reading) -> String {
        let (y, x) = (at.input_shape(0), at.output_shape());
        let [down, right] = self.factor;
        let place = format!(
            "((b * {}u + iy * {down}u + t / {right}u) * {}u + ix * {right}u + t % {right}u) * {}u + c",
            y[1], y[2], y[3]
        );
        let dy = at.input(0, &place);
        format!(
            "{}for (var t = 0u; t < {}u; t++) {{ v += {dy}; }}\n",
            coordinates("i", x),
            down * right
        )
    }
}
