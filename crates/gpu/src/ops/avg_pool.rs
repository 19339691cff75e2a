use laptime_graph::{AvgPool, AvgPoolGrad};

use super::{
    each::{Each, Reading},
    windows::{coordinates, place_in, place_out, taps, windows},
};

impl Each for AvgPool {
    fn value(&self, at: &mut Reading) -> String {
        let (x, y) = (at.input_shape(0), at.output_shape());
        let value = at.input(0, &place_in(x));
        format!(
            "{}var count = 0.0;\n{}v += {value}; count += 1.0;\n}}\nv = v / count;\n",
            coordinates("o", y),
            taps(&self.window, x)
        )
    }
}

impl Each for AvgPoolGrad {
    fn value(&self, at: &mut Reading) -> String {
        let (y, x) = (at.input_shape(0), at.output_shape());
        let dy = at.input(0, &place_out(y));
        format!(
            "{}{}var count = 0u;\nfor (var tap = 0u; tap < {}u; tap++) {{\n\
             let jy = oy * {}u + tap / {}u - {}u; let jx = ox * {}u + tap % {}u - {}u;\n\
             if jy < {}u && jx < {}u {{ count++; }}\n}}\nv += {dy} / f32(count);\n}}\n",
            coordinates("i", x),
            windows(&self.window, y),
            self.window.kernel[0] * self.window.kernel[1],
            self.window.stride[0],
            self.window.kernel[1],
            self.window.padding[0],
            self.window.stride[1],
            self.window.kernel[1],
            self.window.padding[2],
            x[1],
            x[2],
        )
    }
}
