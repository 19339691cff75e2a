//! Operations of which every value of the result is made by itself, one a thread: pixels, biases,
//! ReLU and other activations, sums, pools, dropout, and batch norm with moving statistics.

use laptime_graph::{
    Activate, ActivateGrad, AvgPool, AvgPoolGrad, BatchNormEvaluation, Dropout, DropoutGrad,
    MaxPool, MaxPoolGrad, Op, formulas::Formula, with_formula,
};
use laptime_workload::{Window, random};

use super::{
    THREADS,
    formulas::{InText, POWER},
    head,
    shader::{Shader, number},
};

pub(super) fn text(shader: &mut Shader) -> String {
    let kernel = shader.kernel;
    let first = head(shader.program, &kernel.operations);
    let elements = {
        let output = shader.operation(first).outputs[0];
        shader.program.tensor(output).elements()
    };
    let value = value(shader, first);
    let chain = shader.chain(&kernel.operations[first..]);
    format!(
        "@compute @workgroup_size({THREADS})\n\
         fn main(@builtin(workgroup_id) group: vec3<u32>, \
         @builtin(num_workgroups) groups: vec3<u32>, \
         @builtin(local_invocation_index) thread: u32) {{\n\
         let i = (group.y * groups.x + group.x) * {THREADS}u + thread;\n\
         if i >= {elements}u {{ return; }}\nvar v = 0.0;\n{value}{chain}}}\n"
    )
}

/// Statements that set `v` to the value at `i` of what an operation makes.
fn value(shader: &mut Shader, place: usize) -> String {
    let operation = shader.operation(place);
    let (inputs, output) = (&operation.inputs, operation.outputs[0]);
    let channels = shader.shape(output).last().copied().unwrap_or(1);
    match operation.op {
        Op::Zeros(_) => String::new(),
        Op::ScalePixels(_) | Op::Reshape(_) => format!("v = {};\n", shader.value(inputs[0], "i")),
        Op::Bias(_) => format!(
            "v = {} + {};\n",
            shader.value(inputs[0], "i"),
            shader.value(inputs[1], &format!("i % {channels}u"))
        ),
        Op::Relu(_) => {
            shader.not_finite();
            format!("v = relu({});\n", shader.value(inputs[0], "i"))
        }
        Op::ReluGrad(_) => format!(
            "v = select(0.0, {}, {} > 0.0);\n",
            shader.value(inputs[1], "i"),
            shader.value(inputs[0], "i")
        ),
        Op::Activate(Activate(activation)) => {
            let mut text = InText::default();
            let x = text.value(&shader.value(inputs[0], "i"));
            let y = with_formula!(activation, |formula| formula.forward(&mut text, x));
            shader.not_finite();
            shader.function(POWER.into());
            let (x, y) = (x.name(), y.name());
            format!("{}v = select({y}, {x}, is_nan({x}));\n", text.text)
        }
        Op::ActivateGrad(ActivateGrad(activation)) => {
            let mut text = InText::default();
            let kept = text.value(&shader.value(inputs[0], "i"));
            let dy = text.value(&shader.value(inputs[1], "i"));
            let dx = with_formula!(activation, |formula| formula.gradient(&mut text, kept, dy));
            shader.not_finite();
            shader.function(POWER.into());
            let (kept, dy, dx) = (kept.name(), dy.name(), dx.name());
            format!(
                "{}v = select(select({dx}, {dy}, is_nan({dy})), {kept}, is_nan({kept}));\n",
                text.text
            )
        }
        Op::Add(_) => format!(
            "v = {} + {};\n",
            shader.value(inputs[0], "i"),
            shader.value(inputs[1], "i")
        ),
        Op::BatchNormEvaluation(BatchNormEvaluation { epsilon }) => {
            let channel = format!("i % {channels}u");
            let [gamma, beta, mean, variance] =
                [1, 2, 3, 4].map(|input| shader.value(inputs[input], &channel));
            format!(
                "v = ({} - {mean}) * ({gamma} / sqrt({variance} + {})) + {beta};\n",
                shader.value(inputs[0], "i"),
                number(epsilon)
            )
        }
        Op::Dropout(dropout) | Op::DropoutGrad(DropoutGrad(dropout)) => {
            let value = shader.value(inputs[0], "i");
            dropped(shader, &dropout, &value)
        }
        Op::GlobalAvgPool(_) => {
            let x = shader.shape(inputs[0]);
            let (positions, channels) = (x[1] * x[2], x[3]);
            let value = shader.value(
                inputs[0],
                &format!("(i / {channels}u * {positions}u + p) * {channels}u + i % {channels}u"),
            );
            format!(
                "for (var p = 0u; p < {positions}u; p++) {{ v += {value}; }}\nv = v / {};\n",
                number(positions as f64)
            )
        }
        Op::GlobalAvgPoolGrad(_) => {
            let x = shader.shape(output);
            let (positions, channels) = (x[1] * x[2], x[3]);
            let value = shader.value(
                inputs[0],
                &format!(
                    "i / {}u * {channels}u + i % {channels}u",
                    positions * channels
                ),
            );
            format!("v = {value} / {};\n", number(positions as f64))
        }
        Op::MaxPool(MaxPool { window }) => {
            let (x, y) = (shader.shape(inputs[0]), shader.shape(output));
            let value = shader.value(inputs[0], &place_in(x));
            shader.not_finite();
            // Every window meets the image, so the first value is always there.
            format!(
                "{}var is_first = true;\n{}let x = {value};\n\
                 v = select(larger(v, x), x, is_first);\nis_first = false;\n}}\n",
                coordinates("o", y),
                taps(&window, x)
            )
        }
        Op::AvgPool(AvgPool { window }) => {
            let (x, y) = (shader.shape(inputs[0]), shader.shape(output));
            let value = shader.value(inputs[0], &place_in(x));
            format!(
                "{}var count = 0.0;\n{}v += {value}; count += 1.0;\n}}\nv = v / count;\n",
                coordinates("o", y),
                taps(&window, x)
            )
        }
        Op::MaxPoolGrad(MaxPoolGrad { window }) => {
            let (x, y) = (shader.shape(inputs[0]), shader.shape(inputs[1]));
            let candidate = shader.value(
                inputs[0],
                &place_in(x).replace("iy", "jy").replace("ix", "jx"),
            );
            let largest = shader.value(inputs[1], &place_out(y));
            let dy = shader.value(inputs[2], &place_out(y));
            shader.not_finite();
            // Each window that covers this value asks for its first largest value, row by row.
            format!(
                "{}{}let largest = {largest};\nvar winner = {}u;\n\
                 for (var tap = 0u; tap < {}u; tap++) {{\n\
                 let jy = oy * {}u + tap / {}u - {}u; let jx = ox * {}u + tap % {}u - {}u;\n\
                 if jy < {}u && jx < {}u && winner == {}u && is_largest({candidate}, largest) {{ winner = tap; }}\n}}\n\
                 if winner == ky * {}u + kx {{ v += {dy}; }}\n}}\n",
                coordinates("i", x),
                windows(&window, y),
                NO_TAP,
                window.kernel[0] * window.kernel[1],
                window.stride[0],
                window.kernel[1],
                window.padding[0],
                window.stride[1],
                window.kernel[1],
                window.padding[2],
                x[1],
                x[2],
                NO_TAP,
                window.kernel[1],
            )
        }
        Op::AvgPoolGrad(AvgPoolGrad { window }) => {
            let (y, x) = (shader.shape(inputs[0]), shader.shape(output));
            let dy = shader.value(inputs[0], &place_out(y));
            format!(
                "{}{}var count = 0u;\nfor (var tap = 0u; tap < {}u; tap++) {{\n\
                 let jy = oy * {}u + tap / {}u - {}u; let jx = ox * {}u + tap % {}u - {}u;\n\
                 if jy < {}u && jx < {}u {{ count++; }}\n}}\nv += {dy} / f32(count);\n}}\n",
                coordinates("i", x),
                windows(&window, y),
                window.kernel[0] * window.kernel[1],
                window.stride[0],
                window.kernel[1],
                window.padding[0],
                window.stride[1],
                window.kernel[1],
                window.padding[2],
                x[1],
                x[2],
            )
        }
        ref op => unreachable!("{op} is not done value by value"),
    }
}

const NO_TAP: u32 = u32::MAX;

/// Statements that name sample `b`, row and column (with this prefix) and channel `c` of value `i`.
fn coordinates(prefix: &str, shape: &[usize]) -> String {
    let (rows, columns, channels) = (shape[1], shape[2], shape[3]);
    format!(
        "let c = i % {channels}u;\nlet {prefix}x = i / {channels}u % {columns}u;\n\
         let {prefix}y = i / {}u % {rows}u;\nlet b = i / {}u;\n",
        channels * columns,
        channels * columns * rows,
    )
}

fn place_in(x: &[usize]) -> String {
    format!("((b * {}u + iy) * {}u + ix) * {}u + c", x[1], x[2], x[3])
}

fn place_out(y: &[usize]) -> String {
    format!("((b * {}u + oy) * {}u + ox) * {}u + c", y[1], y[2], y[3])
}

/// The head of a loop over the values of x in the window of output (oy, ox), at (iy, ix).
fn taps(window: &Window, x: &[usize]) -> String {
    format!(
        "for (var tap = 0u; tap < {}u; tap++) {{\n\
         let iy = oy * {}u + tap / {}u - {}u; let ix = ox * {}u + tap % {}u - {}u;\n\
         if iy >= {}u || ix >= {}u {{ continue; }}\n",
        window.kernel[0] * window.kernel[1],
        window.stride[0],
        window.kernel[1],
        window.padding[0],
        window.stride[1],
        window.kernel[1],
        window.padding[2],
        x[1],
        x[2],
    )
}

/// The head of a loop over the outputs (oy, ox) whose window covers input (iy, ix), with its tap
/// (ky, kx).
fn windows(window: &Window, y: &[usize]) -> String {
    format!(
        "for (var tap_here = 0u; tap_here < {}u; tap_here++) {{\n\
         let ky = tap_here / {}u; let kx = tap_here % {}u;\n\
         let sy = iy + {}u - ky; let sx = ix + {}u - kx;\n\
         let oy = sy / {}u; let ox = sx / {}u;\n\
         if sy % {}u != 0u || sx % {}u != 0u || oy >= {}u || ox >= {}u {{ continue; }}\n",
        window.kernel[0] * window.kernel[1],
        window.kernel[1],
        window.kernel[1],
        window.padding[0],
        window.padding[2],
        window.stride[0],
        window.stride[1],
        window.stride[0],
        window.stride[1],
        y[1],
        y[2],
    )
}

/// Statements that drop or scale a value, by the same generator as [`random::dropout_unit`].
fn dropped(shader: &mut Shader, dropout: &Dropout, value: &str) -> String {
    // The draw is a multiple of 2⁻²⁴: it is below the rate exactly where its numerator is below
    // this one.
    let threshold = (dropout.rate * f64::from(1u32 << 24)).ceil() as u32;
    shader.function(PHILOX.into());
    shader.not_finite();
    format!(
        "let drawn = philox(vec4<u32>(i / 4u, step.number, {}u, {}u), {}u, {}u)[i % 4u] >> 8u;\n\
         let whole = {value};\n\
         v = select(whole * {}, dropped(whole), drawn < {threshold}u);\n",
        dropout.layer,
        random::Purpose::Dropout as u32,
        dropout.seed as u32,
        (dropout.seed >> 32) as u32,
        number(1.0 / (1.0 - dropout.rate)),
    )
}

/// Philox4x32-10 as in `laptime_workload::random`; WGSL has no product of 64 bits.
const PHILOX: &str = "\
fn high_product(a: u32, b: u32) -> u32 {
    let low = (a & 65535u) * (b & 65535u);
    let middle = (a >> 16u) * (b & 65535u) + (low >> 16u);
    let other = (a & 65535u) * (b >> 16u) + (middle & 65535u);
    return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}
fn philox(start: vec4<u32>, low: u32, high: u32) -> vec4<u32> {
    var counter = start;
    var key0 = low;
    var key1 = high;
    for (var round = 0u; round < 10u; round++) {
        if round > 0u {
            key0 += 0x9E3779B9u;
            key1 += 0xBB67AE85u;
        }
        counter = vec4<u32>(
            high_product(counter.z, 0xCD9E8D57u) ^ counter.y ^ key0,
            counter.z * 0xCD9E8D57u,
            high_product(counter.x, 0xD2511F53u) ^ counter.w ^ key1,
            counter.x * 0xD2511F53u,
        );
    }
    return counter;
}
";
