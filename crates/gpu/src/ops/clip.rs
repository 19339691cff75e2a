//! Clipping by the norm of all gradients: sums of squares, the factor, and gradients times it.

use laptime_graph::{Clip, ClipFactor, Program, TensorId, Uses, schedule::Arena};

use super::{
    Form,
    each::{Each, Reading},
    form,
    update::{Gradient, place_in_chunk, reads_at},
};
use crate::shader::{Binding, Shader, THREADS, number};

/// Values of a gradient whose squares a workgroup adds.
const BLOCK: usize = 16 * THREADS;

/// How many workgroups add the squares of so many values, each to a sum of its own.
pub(crate) fn workgroups(elements: usize) -> usize {
    elements.div_ceil(BLOCK)
}

/// In how many sums of squares a tensor is left, if that is what it is.
pub(crate) fn square_sums(program: &Program, uses: &Uses, tensor: TensorId) -> Option<usize> {
    let maker = program.operation(uses.maker(tensor)?);
    match form(&maker.op) {
        Form::SquareSum => Some(workgroups(program.tensor(maker.inputs[0]).elements())),
        _ => None,
    }
}

pub(crate) fn square_sum_text(shader: &mut Shader, place: usize) -> String {
    let own = shader.operation(place);
    let elements = shader.program.tensor(own.inputs[0]).elements();
    let value = Gradient::of(shader.program, own.inputs[0]).value(shader, "i");
    let sum = shader.tensor(own.outputs[0]);
    shader.sum_of_rows(THREADS, 1);
    let count = workgroups(elements);
    format!(
        "{}let block = group.y * groups.x + group.x;\nvar sum = 0.0;\n\
         for (var k = 0u; k < {}u; k++) {{\n\
         let i = block * {BLOCK}u + k * {THREADS}u + thread;\n\
         if i < {elements}u {{ let g = {value}; sum += g * g; }}\n}}\n\
         let all = sum_of_rows(sum, thread);\n\
         if thread == 0u && block < {count}u {{ {sum}[block] = all; }}\n}}\n",
        shader.entry(THREADS),
        BLOCK / THREADS,
    )
}

/// One workgroup. A table says where the sums of each gradient are, and how many.
pub(crate) fn factor_text(shader: &mut Shader, place: usize, op: &ClipFactor) -> String {
    let own = shader.operation(place);
    let mut table = Vec::new();
    for id in &own.inputs {
        let [chunk, first] = place_in_chunk(shader, *id).expect("sums are in memory");
        let buffer = shader.schedule.buffer(*id).expect("sums are in memory");
        table.extend([chunk, first, buffer.layout.partials() as u32]);
    }
    let output = place_in_chunk(shader, own.outputs[0]);
    let [chunk, first] = output.expect("the factor is in memory");
    reads_at(shader, "sum", &[Arena::Step]);
    shader.bind(Binding::Table(table));
    shader.not_finite();
    shader.sum_of_rows(THREADS, 1);
    let max_norm = number(op.max_norm);
    format!(
        "{}var sum = 0.0;\n\
         for (var entry = 0u; entry < {}u; entry += 3u) {{\n\
         for (var j = thread; j < table[entry + 2u]; j += {THREADS}u) {{\n\
         sum += sum_at(table[entry], table[entry + 1u] + j);\n}}\n}}\n\
         let all = sum_of_rows(sum, thread);\n\
         if thread == 0u {{\n\
         let norm = sqrt(all);\n\
         let factor = select(1.0, {max_norm} / norm, norm > {max_norm});\n\
         t{chunk}[{first}u] = select(factor, nan_of(all), is_nan(all));\n}}\n}}\n",
        shader.entry(THREADS),
        3 * own.inputs.len(),
    )
}

impl Each for Clip {
    fn value(&self, at: &mut Reading) -> String {
        let gradient = Gradient::of(at.shader.program, at.own.inputs[0]);
        let value = gradient.value(at.shader, "i");
        format!("v = {value} * {};\n", at.input(1, "0u"))
    }
}
