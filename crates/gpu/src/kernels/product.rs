//! Products: dense layers and convolutions, and their gradients, all as one tiled matrix product
//! whose operands are read through functions (an implicit GEMM: no image is ever unrolled into
//! memory).
//!
//! C (m, n) = Σₖ A (m, k) · B (k, n). A workgroup makes a tile of C, taking a piece of the sum at a
//! time into workgroup memory; a thread has a few rows and columns of it in registers.

use std::fmt::Write;

use laptime_graph::{TensorId, schedule::Kernel};
use laptime_workload::Window;

use super::{head, shader::Shader};
use crate::tiles::{Product, Tile, TileClass, live_rectangle};

/// How an operand is read.
struct Operand {
    /// A body that returns the value at (`p`, `k0` + `kk`): p is the place along the result, k0
    /// the same for all threads.
    body: String,
    /// Whether neighbours along the sum are neighbours in memory, and so should be neighbouring
    /// threads'.
    sum_is_contiguous: bool,
}

pub(super) fn text(shader: &mut Shader, product: &Product) -> String {
    let kernel: &Kernel = shader.kernel;
    let first = head(shader.program, &kernel.operations);
    let operation = shader.operation(first);
    let (inputs, output) = (&operation.inputs, operation.outputs[0]);
    let [a, b] = operands(shader, product, inputs[0], inputs[1], output);
    shader.function(function("a_at", &a.body));
    shader.function(function("b_at", &b.body));
    let index = result_index(shader, product, output);
    let Product { m, n, tile, .. } = *product;
    let store = if product.splits > 1 {
        let stored = shader.program.tensor(output).elements();
        format!("{}[group.z * {stored}u + i] = v;\n", shader.tensor(output))
    } else {
        shader.chain(&kernel.operations[first..])
    };
    shader.function(format!(
        "fn store(m: u32, n: u32, made: f32, group: vec3<u32>) {{\n\
         if m >= {m}u || n >= {n}u {{ return; }}\n\
         {index}var v = made;\n{store}}}\n"
    ));
    body(product, tile, &a, &b)
}

fn function(name: &str, body: &str) -> String {
    format!("fn {name}(p: u32, k0: u32, kk: u32) -> f32 {{\n{body}}}\n")
}

/// The loop over the sum, the same for all products.
fn body(product: &Product, tile: Tile, a: &Operand, b: &Operand) -> String {
    let Product { m, n, k, .. } = *product;
    let threads = tile.threads();
    // One more than the tile, so that threads that go along the sum write to different banks.
    let (a_stride, b_stride) = (tile.m + 1, tile.n + 1);
    let columns = tile.n / tile.thread_n;
    let [across, down] = product.tiles();
    let mut text = format!(
        "var<workgroup> a_tile: array<f32, {}>;\nvar<workgroup> b_tile: array<f32, {}>;\n\
         @compute @workgroup_size({threads})\n\
         fn main(@builtin(workgroup_id) group: vec3<u32>, \
         @builtin(num_workgroups) groups: vec3<u32>, \
         @builtin(local_invocation_index) thread: u32) {{\n\
         let block = group.y * groups.x + group.x;\n\
         if block >= {}u {{ return; }}\n\
         let m0 = block / {across}u * {}u;\nlet n0 = block % {across}u * {}u;\n\
         let row = thread / {columns}u * {}u;\nlet column = thread % {columns}u;\n",
        tile.k * a_stride,
        tile.k * b_stride,
        across * down,
        tile.m,
        tile.n,
        tile.thread_m,
    );
    for_each(tile, |i, j| writeln!(text, "var c{i}_{j} = 0.0;"));
    let split_k = product.split_k();
    let end = if product.splits > 1 {
        format!("min({k}u, (group.z + 1u) * {split_k}u)")
    } else {
        format!("{k}u")
    };
    let begin = if product.splits > 1 {
        format!("group.z * {split_k}u")
    } else {
        "0u".into()
    };
    let _ = writeln!(
        text,
        "let k_end = {end};\nfor (var k0 = {begin}; k0 < k_end; k0 += {}u) {{",
        tile.k
    );
    let load = |name: &str, operand: &Operand, width: usize, stride: usize, whole: bool| {
        let (place, along) = if operand.sum_is_contiguous {
            (format!("at / {}u", tile.k), format!("at % {}u", tile.k))
        } else {
            (format!("at % {width}u"), format!("at / {width}u"))
        };
        let (start, limit) = if name == "a" { ("m0", m) } else { ("n0", n) };
        let mut guards = Vec::new();
        if !whole {
            guards.push(format!("{start} + place < {limit}u"));
        }
        if !k.is_multiple_of(tile.k) {
            guards.push("k0 + kk < k_end".into());
        }
        let read = format!("value = {name}_at({start} + place, k0, kk);");
        let guarded = match guards.join(" && ") {
            guard if guard.is_empty() => read,
            guard => format!("if {guard} {{ {read} }}"),
        };
        format!(
            "for (var at = thread; at < {}u; at += {threads}u) {{\n\
             let place = {place};\nlet kk = {along};\nvar value = 0.0;\n{guarded}\n\
             {name}_tile[kk * {stride}u + place] = value;\n}}\n",
            width * tile.k
        )
    };
    text += &load("a", a, tile.m, a_stride, m.is_multiple_of(tile.m));
    text += &load("b", b, tile.n, b_stride, n.is_multiple_of(tile.n));
    let _ = write!(
        text,
        "workgroupBarrier();\nfor (var kk = 0u; kk < {}u; kk++) {{\n",
        tile.k
    );
    for i in 0..tile.thread_m {
        let _ = writeln!(text, "let a{i} = a_tile[kk * {a_stride}u + row + {i}u];");
    }
    for j in 0..tile.thread_n {
        let _ = writeln!(
            text,
            "let b{j} = b_tile[kk * {b_stride}u + column + {}u];",
            j * columns
        );
    }
    for_each(tile, |i, j| {
        writeln!(text, "c{i}_{j} = fma(a{i}, b{j}, c{i}_{j});")
    });
    text += "}\nworkgroupBarrier();\n}\n";
    for_each(tile, |i, j| {
        let n = j * columns;
        writeln!(
            text,
            "store(m0 + row + {i}u, n0 + column + {n}u, c{i}_{j}, group);"
        )
    });
    text + "}\n"
}

fn for_each(tile: Tile, mut each: impl FnMut(usize, usize) -> std::fmt::Result) {
    for i in 0..tile.thread_m {
        for j in 0..tile.thread_n {
            each(i, j).expect("a string takes any text");
        }
    }
}

/// Statements that name the place `i` of the result's value at (m, n) in memory.
fn result_index(shader: &Shader, product: &Product, output: TensorId) -> String {
    let n = product.n;
    match product.class {
        TileClass::Conv2dGradWeight(window) => {
            // Rows are the live taps' channels; the order in memory has all taps.
            let operation = shader.operation(head(shader.program, &shader.kernel.operations));
            let (x, y) = (
                shader.shape(operation.inputs[0]),
                shader.shape(operation.inputs[1]),
            );
            let live = live_rectangle(&window, [x[1], x[2]], [y[1], y[2]]);
            debug_assert_eq!(shader.shape(output)[0], n);
            let channels = x[3];
            format!(
                "{}let i = ((ky * {}u + kx) * {channels}u + m % {channels}u) * {n}u + n;\n",
                tap(&format!("(m / {channels}u)"), live),
                window.kernel[1]
            )
        }
        _ => format!("let i = m * {n}u + n;\n"),
    }
}

/// Statements that name the tap `ky`, `kx` with this number among the live ones.
fn tap(number: &str, [rows, columns]: [[usize; 2]; 2]) -> String {
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

/// The operands of a product of these inputs.
fn operands(
    shader: &mut Shader,
    product: &Product,
    first: TensorId,
    second: TensorId,
    output: TensorId,
) -> [Operand; 2] {
    let Product { m, n, k, tile, .. } = *product;
    let plain = |shader: &mut Shader, id, index: String, sum_is_contiguous| Operand {
        body: format!("let k = k0 + kk;\nreturn {};\n", shader.value(id, &index)),
        sum_is_contiguous,
    };
    match product.class {
        TileClass::Dense => [
            plain(shader, first, format!("p * {k}u + k"), true),
            plain(shader, second, format!("p * {k}u + k"), true),
        ],
        TileClass::DenseGradInput => [
            plain(shader, first, format!("p * {k}u + k"), true),
            plain(shader, second, format!("k * {n}u + p"), false),
        ],
        TileClass::DenseGradWeight => [
            plain(shader, second, format!("k * {m}u + p"), false),
            plain(shader, first, format!("k * {n}u + p"), false),
        ],
        TileClass::Conv2d(window) => {
            let (x, y) = (shader.shape(first), shader.shape(output));
            let live = live_rectangle(&window, [x[1], x[2]], [y[1], y[2]]);
            let split = split_sum(x[3], tile.k, "c");
            let taps = tap("t", live);
            let image = shader.value(first, &image_index(x));
            [
                Operand {
                    body: format!(
                        "{split}{taps}{}{}return {image};\n",
                        position("p", y),
                        input_of(&window, x)
                    ),
                    sum_is_contiguous: true,
                },
                Operand {
                    body: format!(
                        "{split}{taps}return {};\n",
                        shader.value(second, &weight_index(&window, x[3], n, "c", "p"))
                    ),
                    sum_is_contiguous: false,
                },
            ]
        }
        TileClass::Conv2dGradInput(window) => {
            let (y, x) = (shader.shape(first), shader.shape(output));
            let live = live_rectangle(&window, [x[1], x[2]], [y[1], y[2]]);
            let split = split_sum(y[3], tile.k, "o");
            let taps = tap("t", live);
            let [oy, ox] = [0, 1].map(|axis| output_of(&window, axis, y));
            let index = format!("((b * {}u + oy) * {}u + ox) * {}u + o", y[1], y[2], y[3]);
            let image = shader.value(first, &index);
            [
                Operand {
                    body: format!(
                        "{split}{taps}{}{oy}{ox}return {image};\n",
                        position("p", x)
                            .replace("let oy", "let iy")
                            .replace("let ox", "let ix"),
                    ),
                    sum_is_contiguous: true,
                },
                Operand {
                    body: format!(
                        "{split}{taps}return {};\n",
                        shader.value(second, &weight_index(&window, x[3], y[3], "p", "o"))
                    ),
                    sum_is_contiguous: true,
                },
            ]
        }
        TileClass::Conv2dGradWeight(window) => {
            let (x, y) = (shader.shape(first), shader.shape(second));
            let live = live_rectangle(&window, [x[1], x[2]], [y[1], y[2]]);
            let channels = x[3];
            let image = shader.value(first, &image_index(x));
            [
                Operand {
                    body: format!(
                        "let t = p / {channels}u;\nlet c = p % {channels}u;\nlet k = k0 + kk;\n\
                         {}{}{}return {image};\n",
                        tap("t", live),
                        position("k", y),
                        input_of(&window, x),
                    ),
                    sum_is_contiguous: false,
                },
                plain(shader, second, format!("k * {n}u + p"), false),
            ]
        }
    }
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

/// Statements that name the place `iy`, `ix` of the input that an output position's tap meets;
/// returns 0 on padding. Numbers below 0 wrap to large ones.
fn input_of(window: &Window, x: &[usize]) -> String {
    let [above, below, left, right] = window.padding;
    let mut text = format!(
        "let iy = oy * {}u + ky - {above}u;\nlet ix = ox * {}u + kx - {left}u;\n",
        window.stride[0], window.stride[1],
    );
    if above + below + left + right > 0 {
        let _ = writeln!(
            text,
            "if iy >= {}u || ix >= {}u {{ return 0.0; }}",
            x[1], x[2]
        );
    }
    text
}

/// Statements that name the output position along an axis that an input's tap reaches; returns 0
/// where there is none.
fn output_of(window: &Window, axis: usize, y: &[usize]) -> String {
    let name = ["y", "x"][axis];
    let (stride, before) = (window.stride[axis], window.padding[2 * axis]);
    let count = y[1 + axis];
    if stride == 1 {
        format!(
            "let o{name} = i{name} + {before}u - k{name};\n\
             if o{name} >= {count}u {{ return 0.0; }}\n"
        )
    } else {
        format!(
            "let s{name} = i{name} + {before}u - k{name};\nlet o{name} = s{name} / {stride}u;\n\
             if s{name} % {stride}u != 0u || o{name} >= {count}u {{ return 0.0; }}\n"
        )
    }
}

fn image_index(x: &[usize]) -> String {
    format!("((b * {}u + iy) * {}u + ix) * {}u + c", x[1], x[2], x[3])
}

fn weight_index(window: &Window, channels: usize, filters: usize, c: &str, o: &str) -> String {
    let columns = window.kernel[1];
    format!("((ky * {columns}u + kx) * {channels}u + {c}) * {filters}u + {o}")
}
