use laptime_graph::{MaxPool, MaxPoolGrad};

use super::{
    each::{Each, Reading},
    windows::{coordinates, place_in, place_out, taps, windows},
};

const NO_TAP: u32 = u32::MAX;

impl Each for MaxPool {
    fn value(&self, at: &mut Reading) -> String {
        let (x, y) = (at.input_shape(0), at.output_shape());
        let value = at.input(0, &place_in(x));
        at.shader.not_finite();
        // Every window meets the image, so the first value is always there.
        format!(
            "{}var is_first = true;\n{}let x = {value};\n\
             v = select(larger(v, x), x, is_first);\nis_first = false;\n}}\n",
            coordinates("o", y),
            taps(&self.window, x)
        )
    }
}

impl Each for MaxPoolGrad {
    fn value(&self, at: &mut Reading) -> String {
        let (x, y) = (at.input_shape(0), at.input_shape(1));
        let candidate = at.input(0, &place_in(x).replace("iy", "jy").replace("ix", "jx"));
        let largest = at.input(1, &place_out(y));
        let dy = at.input(2, &place_out(y));
        at.shader.not_finite();
        // Each window that covers this value asks for its first largest value, row by row.
        format!(
            "{}{}let largest = {largest};\nvar winner = {}u;\n\
             for (var tap = 0u; tap < {}u; tap++) {{\n\
             let jy = oy * {}u + tap / {}u - {}u; let jx = ox * {}u + tap % {}u - {}u;\n\
             if jy < {}u && jx < {}u && winner == {}u && is_largest({candidate}, largest) {{ winner = tap; }}\n}}\n\
             if winner == ky * {}u + kx {{ v += {dy}; }}\n}}\n",
            coordinates("i", x),
            windows(&self.window, y),
            NO_TAP,
            self.window.kernel[0] * self.window.kernel[1],
            self.window.stride[0],
            self.window.kernel[1],
            self.window.padding[0],
            self.window.stride[1],
            self.window.kernel[1],
            self.window.padding[2],
            x[1],
            x[2],
            NO_TAP,
            self.window.kernel[1],
        )
    }
}
