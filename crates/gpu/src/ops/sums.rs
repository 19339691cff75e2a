//! Sums over all but the channels, as the gradient of a bias is.

use laptime_graph::Operation;

use crate::shader::{Shader, THREADS};

/// What such an operation adds up.
pub(crate) trait ColumnSums {
    /// The value of a row and a channel, which lies at `index` in what the operation reads first.
    fn term(&self, own: &Operation, index: &str, shader: &mut Shader) -> String;
}

/// Channels of a workgroup; its other threads share the rows among them.
fn columns(all: usize) -> usize {
    all.next_power_of_two().min(16)
}

/// How many workgroups add up so many channels.
pub(crate) fn workgroups(all: usize) -> usize {
    all.div_ceil(columns(all))
}

/// Rows that a thread adds before it adds their sum to that of the rows before: one long chain of
/// additions loses digits.
const RUN: usize = 64;

/// A loop over a thread's rows, from its first one on and so many apart, that adds to these variables.
pub(super) fn loop_of_sums(
    first: &str,
    rows: usize,
    apart: usize,
    sums: &[&str],
    body: &str,
) -> String {
    let each = |start: &str, end: &str| {
        format!("for (var row = {start}; row < {end}; row += {apart}u) {{\n{body}}}\n")
    };
    let run = RUN * apart;
    if rows <= run {
        return each(first, &format!("{rows}u"));
    }
    let of_each = |text: fn(&str) -> String| sums.iter().map(|sum| text(sum)).collect::<String>();
    format!(
        "for (var start = {first}; start < {rows}u; start += {run}u) {{\n{}{}{}}}\n",
        of_each(|sum| format!("let {sum}_before = {sum};\n{sum} = 0.0;\n")),
        each("start", &format!("min({rows}u, start + {run}u)")),
        of_each(|sum| format!("{sum} = {sum}_before + {sum};\n")),
    )
}

pub(crate) fn text(shader: &mut Shader, place: usize, op: &dyn ColumnSums) -> String {
    let operation = shader.operation(place);
    let all = shader.program.tensor(operation.outputs[0]).elements();
    let rows = shader.program.tensor(operation.inputs[0]).elements() / all;
    let columns = columns(all);
    let value = op.term(operation, &format!("row * {all}u + i"), shader);
    let chain = shader.chain(place);
    shader.sum_of_rows(THREADS, columns);
    let lanes = THREADS / columns;
    let add = loop_of_sums(
        &format!("thread / {columns}u"),
        rows,
        lanes,
        &["sum"],
        &format!("sum += {value};\n"),
    );
    format!(
        "{}let i = (group.y * groups.x + group.x) * {columns}u + thread % {columns}u;\n\
         var sum = 0.0;\n\
         if i < {all}u {{\n{add}}}\n\
         var v = sum_of_rows(sum, thread);\n\
         if thread >= {columns}u || i >= {all}u {{ return; }}\n\
         {chain}}}\n",
        shader.entry(THREADS)
    )
}
