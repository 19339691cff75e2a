//! Loops over the windows of pools.

use laptime_workload::Window;

/// Statements that name sample `b`, row and column (with this prefix) and channel `c` of value `i`.
pub(super) fn coordinates(prefix: &str, shape: &[usize]) -> String {
    let (rows, columns, channels) = (shape[1], shape[2], shape[3]);
    format!(
        "let c = i % {channels}u;\nlet {prefix}x = i / {channels}u % {columns}u;\n\
         let {prefix}y = i / {}u % {rows}u;\nlet b = i / {}u;\n",
        channels * columns,
        channels * columns * rows,
    )
}

pub(super) fn place_in(x: &[usize]) -> String {
    format!("((b * {}u + iy) * {}u + ix) * {}u + c", x[1], x[2], x[3])
}

pub(super) fn place_out(y: &[usize]) -> String {
    format!("((b * {}u + oy) * {}u + ox) * {}u + c", y[1], y[2], y[3])
}

/// How far into its window a tap with this number along an axis lies.
pub(super) fn offset(window: &Window, axis: usize, tap: &str) -> String {
    match window.dilation[axis] {
        1 => tap.into(),
        dilation => format!("{tap} * {dilation}u"),
    }
}

/// How far down and to the right the tap with this number lies, row by row.
pub(super) fn offsets(window: &Window, tap: &str) -> [String; 2] {
    let columns = window.kernel[1];
    [
        offset(window, 0, &format!("{tap} / {columns}u")),
        offset(window, 1, &format!("{tap} % {columns}u")),
    ]
}

/// The head of a loop over the values of x in the window of output (oy, ox), at (iy, ix).
pub(super) fn taps(window: &Window, x: &[usize]) -> String {
    let [down, right] = offsets(window, "tap");
    format!(
        "for (var tap = 0u; tap < {}u; tap++) {{\n\
         let iy = oy * {}u + {down} - {}u; let ix = ox * {}u + {right} - {}u;\n\
         if iy >= {}u || ix >= {}u {{ continue; }}\n",
        window.kernel[0] * window.kernel[1],
        window.stride[0],
        window.padding[0],
        window.stride[1],
        window.padding[2],
        x[1],
        x[2],
    )
}

/// The head of a loop over the outputs (oy, ox) whose window covers input (iy, ix), with its tap
/// (ky, kx).
pub(super) fn windows(window: &Window, y: &[usize]) -> String {
    let [down, right] = [0, 1].map(|axis| offset(window, axis, ["ky", "kx"][axis]));
    format!(
        "for (var tap_here = 0u; tap_here < {}u; tap_here++) {{\n\
         let ky = tap_here / {}u; let kx = tap_here % {}u;\n\
         let sy = iy + {}u - {down}; let sx = ix + {}u - {right};\n\
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
