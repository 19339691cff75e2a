//! Sums over all but the channels: the gradient of a bias.

use super::{THREADS, head, shader::Shader};

/// Channels of a workgroup; its other threads share the rows among them.
pub(super) const COLUMNS: usize = 16;

pub(super) fn text(shader: &mut Shader) -> String {
    let kernel = shader.kernel;
    let first = head(shader.program, &kernel.operations);
    let operation = shader.operation(first);
    let columns = shader.program.tensor(operation.outputs[0]).elements();
    let rows = shader.program.tensor(operation.inputs[0]).elements() / columns;
    let value = shader.value(operation.inputs[0], &format!("row * {columns}u + i"));
    let chain = shader.chain(&kernel.operations[first..]);
    let lanes = THREADS / COLUMNS;
    format!(
        "var<workgroup> sums: array<f32, {THREADS}>;\n\
         @compute @workgroup_size({THREADS})\n\
         fn main(@builtin(workgroup_id) group: vec3<u32>, \
         @builtin(num_workgroups) groups: vec3<u32>, \
         @builtin(local_invocation_index) thread: u32) {{\n\
         let i = (group.y * groups.x + group.x) * {COLUMNS}u + thread % {COLUMNS}u;\n\
         var sum = 0.0;\n\
         if i < {columns}u {{\n\
         for (var row = thread / {COLUMNS}u; row < {rows}u; row += {lanes}u) {{ sum += {value}; }}\n\
         }}\n\
         sums[thread] = sum;\nworkgroupBarrier();\n\
         if thread >= {COLUMNS}u || i >= {columns}u {{ return; }}\n\
         var v = 0.0;\n\
         for (var lane = 0u; lane < {lanes}u; lane++) {{ v += sums[lane * {COLUMNS}u + thread]; }}\n\
         {chain}}}\n"
    )
}
