//! Sums over all but the channels: the gradient of a bias.

use super::{THREADS, head, shader::Shader};

/// Channels of a workgroup; its other threads share the rows among them.
pub(super) fn columns(all: usize) -> usize {
    all.next_power_of_two().min(16)
}

pub(super) fn text(shader: &mut Shader) -> String {
    let kernel = shader.kernel;
    let first = head(shader.program, &kernel.operations);
    let operation = shader.operation(first);
    let all = shader.program.tensor(operation.outputs[0]).elements();
    let rows = shader.program.tensor(operation.inputs[0]).elements() / all;
    let columns = columns(all);
    let value = shader.value(operation.inputs[0], &format!("row * {all}u + i"));
    let chain = shader.chain(&kernel.operations[first..]);
    shader.sum_of_rows(THREADS, columns);
    let lanes = THREADS / columns;
    format!(
        "{}let i = (group.y * groups.x + group.x) * {columns}u + thread % {columns}u;\n\
         var sum = 0.0;\n\
         if i < {all}u {{\n\
         for (var row = thread / {columns}u; row < {rows}u; row += {lanes}u) {{ sum += {value}; }}\n\
         }}\n\
         var v = sum_of_rows(sum, thread);\n\
         if thread >= {columns}u || i >= {all}u {{ return; }}\n\
         {chain}}}\n",
        shader.entry(THREADS)
    )
}
