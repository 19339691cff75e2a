use laptime_graph::{Conv2d, Conv2dGradInput, Conv2dGradWeight, Operation, Program, TensorId};
use laptime_workload::Window;

use super::{
    product::{LiveTaps, MatrixProduct},
    tiled::Operand,
    windows::offset,
};
use crate::{
    shader::Shader,
    tiles::{Product, live_rectangle},
};

impl MatrixProduct for Conv2d {
    fn extents(&self, own: &Operation, program: &Program) -> [usize; 3] {
        let [x, y] = shapes(program, [own.inputs[0], own.outputs[0]]);
        [positions(y), y[3], live(&self.window, x, y).count() * x[3]]
    }

    fn operands(&self, shader: &mut Shader, own: &Operation, cut: &Product) -> [Operand; 2] {
        let [x, y] = shapes(shader.program, [own.inputs[0], own.outputs[0]]);
        let split = split_sum(x[3], cut.tile.k, "c");
        let taps = tap("t", &live(&self.window, x, y));
        let image = image_at(shader, own.inputs[0], x);
        let weight = weight_index(&self.window, x[3], cut.n, "c", "p");
        [
            Operand {
                body: format!(
                    "{split}{taps}{}{}{image}",
                    position("p", y),
                    input_of(&self.window, x)
                ),
                sum_is_contiguous: true,
                in_pairs: shader.is_packed(own.inputs[0]),
            },
            Operand {
                body: format!(
                    "{split}{taps}return {};\n",
                    shader.value(own.inputs[1], &weight)
                ),
                sum_is_contiguous: false,
                in_pairs: false,
            },
        ]
    }

    fn live_taps(&self, own: &Operation, program: &Program) -> Option<LiveTaps> {
        let [x, y] = shapes(program, [own.inputs[0], own.outputs[0]]);
        Some(live(&self.window, x, y))
    }
}

impl MatrixProduct for Conv2dGradInput {
    fn extents(&self, own: &Operation, program: &Program) -> [usize; 3] {
        let [x, y] = shapes(program, [own.outputs[0], own.inputs[0]]);
        [positions(x), x[3], live(&self.window, x, y).count() * y[3]]
    }

    fn operands(&self, shader: &mut Shader, own: &Operation, cut: &Product) -> [Operand; 2] {
        let [x, y] = shapes(shader.program, [own.outputs[0], own.inputs[0]]);
        let split = split_sum(y[3], cut.tile.k, "o");
        let taps = tap("t", &live(&self.window, x, y));
        let [oy, ox] = [0, 1].map(|axis| output_of(&self.window, axis, y));
        let index = format!("((b * {}u + oy) * {}u + ox) * {}u + o", y[1], y[2], y[3]);
        let image = zero_outside(shader, own.inputs[0], &index);
        let weight = weight_index(&self.window, x[3], y[3], "p", "o");
        [
            Operand {
                body: format!(
                    "{split}{taps}{}{oy}{ox}let is_inside = has_y && has_x;\n{image}",
                    position("p", x)
                        .replace("let oy", "let iy")
                        .replace("let ox", "let ix"),
                ),
                sum_is_contiguous: true,
                in_pairs: shader.is_packed(own.inputs[0]),
            },
            Operand {
                body: format!(
                    "{split}{taps}return {};\n",
                    shader.value(own.inputs[1], &weight)
                ),
                sum_is_contiguous: true,
                in_pairs: false,
            },
        ]
    }

    fn live_taps(&self, own: &Operation, program: &Program) -> Option<LiveTaps> {
        let [x, y] = shapes(program, [own.outputs[0], own.inputs[0]]);
        Some(live(&self.window, x, y))
    }
}

impl MatrixProduct for Conv2dGradWeight {
    fn extents(&self, own: &Operation, program: &Program) -> [usize; 3] {
        let [x, y] = shapes(program, [own.inputs[0], own.inputs[1]]);
        [live(&self.window, x, y).count() * x[3], y[3], positions(y)]
    }

    fn makes_gradient_of_weights(&self) -> bool {
        true
    }

    fn operands(&self, shader: &mut Shader, own: &Operation, cut: &Product) -> [Operand; 2] {
        let [x, y] = shapes(shader.program, [own.inputs[0], own.inputs[1]]);
        let channels = x[3];
        let image = image_at(shader, own.inputs[0], x);
        [
            Operand {
                body: format!(
                    "let t = p / {channels}u;\nlet c = p % {channels}u;\nlet k = k0 + kk;\n\
                     {}{}{}{image}",
                    tap("t", &live(&self.window, x, y)),
                    position("k", y),
                    input_of(&self.window, x),
                ),
                sum_is_contiguous: false,
                in_pairs: shader.is_packed(own.inputs[0]),
            },
            Operand::plain(shader, own.inputs[1], &format!("k * {}u + p", cut.n), false),
        ]
    }

    fn result_index(&self, shader: &Shader, own: &Operation, n: usize) -> String {
        // Rows are the live taps' channels; the order in memory has all taps.
        let [x, y] = shapes(shader.program, [own.inputs[0], own.inputs[1]]);
        let channels = x[3];
        format!(
            "{}let i = ((ky * {}u + kx) * {channels}u + m % {channels}u) * {n}u + n;\n",
            tap(&format!("(m / {channels}u)"), &live(&self.window, x, y)),
            self.window.kernel[1]
        )
    }

    fn live_taps(&self, own: &Operation, program: &Program) -> Option<LiveTaps> {
        let [x, y] = shapes(program, [own.inputs[0], own.inputs[1]]);
        Some(live(&self.window, x, y))
    }
}

fn shapes(program: &Program, images: [TensorId; 2]) -> [&[usize]; 2] {
    images.map(|id| &program.tensor(id).shape[..])
}

/// The positions of all images.
fn positions(shape: &[usize]) -> usize {
    shape[..3].iter().product()
}

/// The taps that meet these images x for any position of y.
fn live(window: &Window, x: &[usize], y: &[usize]) -> LiveTaps {
    LiveTaps {
        kernel: window.kernel,
        rectangle: live_rectangle(window, [x[1], x[2]], [y[1], y[2]]),
    }
}

/// Statements that name the tap `ky`, `kx` with this number among the live ones.
fn tap(number: &str, live: &LiveTaps) -> String {
    let [rows, columns] = live.rectangle;
    let along = |[first, count]: [usize; 2], index: String| match count {
        1 => format!("{first}u"),
        _ => format!("{first}u + {index}"),
    };
    let count = columns[1];
    format!(
        "let ky = {};\nlet kx = {};\n",
        along(rows, format!("{number} / {count}u")),
        along(columns, format!("{number} % {count}u")),
    )
}

/// Statements that name tap `t` and channel of the sum's place. Where the pieces of the sum never
/// cross from one tap to the next, the tap is the same for all threads.
fn split_sum(channels: usize, piece: usize, channel: &str) -> String {
    if channels.is_multiple_of(piece) {
        format!("let t = k0 / {channels}u;\nlet {channel} = k0 % {channels}u + kk;\n")
    } else {
        format!("let k = k0 + kk;\nlet t = k / {channels}u;\nlet {channel} = k % {channels}u;\n")
    }
}

/// Statements that name sample `b`, row `oy` and column `ox` of a place in an image's order.
fn position(place: &str, shape: &[usize]) -> String {
    let (rows, columns) = (shape[1], shape[2]);
    format!(
        "let b = {place} / {}u;\nlet oy = {place} % {}u / {columns}u;\nlet ox = {place} % {columns}u;\n",
        rows * columns,
        rows * columns,
    )
}

/// Statements that name the place `iy`, `ix` of the input that an output position's tap meets, and whether it
/// `is_inside` of the image. Numbers below 0 wrap to large ones.
fn input_of(window: &Window, x: &[usize]) -> String {
    let [above, below, left, right] = window.padding;
    let is_inside = match above + below + left + right {
        0 => "true".into(),
        _ => format!("iy < {}u && ix < {}u", x[1], x[2]),
    };
    let [ky, kx] = [0, 1].map(|axis| offset(window, axis, ["ky", "kx"][axis]));
    format!(
        "let iy = oy * {}u + {ky} - {above}u;\nlet ix = ox * {}u + {kx} - {left}u;\n\
         let is_inside = {is_inside};\n",
        window.stride[0], window.stride[1],
    )
}

/// Statements that name the output position along an axis that an input's tap reaches, and whether there is
/// one (`has_y`, `has_x`).
fn output_of(window: &Window, axis: usize, y: &[usize]) -> String {
    let name = ["y", "x"][axis];
    let (stride, before) = (window.stride[axis], window.padding[2 * axis]);
    let count = y[1 + axis];
    let tap = offset(window, axis, &format!("k{name}"));
    if stride == 1 {
        format!(
            "let o{name} = i{name} + {before}u - {tap};\n\
             let has_{name} = o{name} < {count}u;\n"
        )
    } else {
        format!(
            "let s{name} = i{name} + {before}u - {tap};\nlet o{name} = s{name} / {stride}u;\n\
             let has_{name} = s{name} % {stride}u == 0u && o{name} < {count}u;\n"
        )
    }
}

fn image_at(shader: &mut Shader, id: TensorId, x: &[usize]) -> String {
    let index = format!("((b * {}u + iy) * {}u + ix) * {}u + c", x[1], x[2], x[3]);
    zero_outside(shader, id, &index)
}

/// Statements that return the image's value there, or 0 where it is not inside. Always reads, so that a
/// thread's loads need not wait for each other's branches.
fn zero_outside(shader: &mut Shader, id: TensorId, index: &str) -> String {
    let value = shader.operand(id, "at");
    let zero = match shader.is_packed(id) {
        true => "vec2<f32>()",
        false => "0.0",
    };
    format!(
        "let at = select(0u, {index}, is_inside);\nreturn select({zero}, {value}, is_inside);\n"
    )
}

fn weight_index(window: &Window, channels: usize, filters: usize, c: &str, o: &str) -> String {
    let columns = window.kernel[1];
    format!("((ky * {columns}u + kx) * {channels}u + {c}) * {filters}u + {o}")
}
