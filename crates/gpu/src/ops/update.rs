//! Updates of many parameters in one dispatch. A table says for each workgroup which values it
//! updates and where their gradients are.

use laptime_graph::{OpId, Operation, Program, TensorId, schedule::Arena};

use super::live_taps;
use crate::shader::{Binding, Shader, THREADS};

/// What updates a parameter.
pub(crate) trait Update {
    /// Statements that update a parameter by this gradient; `places` are those of the parameter and of its
    /// moments.
    fn update(&self, gradient: &str, places: &[String]) -> String;
}

/// Values that a workgroup updates at most.
const BLOCK: usize = 4 * THREADS;

/// Values of one parameter, in the order of memory, that a workgroup updates.
pub(crate) struct Block {
    /// The update.
    pub operation: OpId,
    /// The first value.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// Whether their gradient is in memory; else it is zero, and always was.
    has_gradient: bool,
}

/// The blocks of all updates among these operations. What belongs to dead taps, whose gradient is zero and
/// always was, is left alone, but for an update that moves it all the same.
pub(crate) fn blocks(program: &Program, operations: &[OpId]) -> Vec<Block> {
    let mut blocks = Vec::new();
    for &id in operations {
        let operation = program.operation(id);
        if !is_update(operation) {
            continue;
        }
        let live = live_ranges(program, operation);
        let mut ranges: Vec<([usize; 2], bool)> = live.iter().map(|range| (*range, true)).collect();
        if operation.op.definition().moves_without_gradient() {
            let elements = program.tensor(operation.inputs[0]).elements();
            ranges.extend(between(&live, elements).map(|range| (range, false)));
        }
        for ([start, end], has_gradient) in ranges {
            for first in (start..end).step_by(BLOCK) {
                let count = BLOCK.min(end - first);
                blocks.push(Block {
                    operation: id,
                    first,
                    count,
                    has_gradient,
                });
            }
        }
    }
    blocks
}

fn is_update(operation: &Operation) -> bool {
    operation.op.definition().is_update()
}

fn maker(program: &Program, tensor: TensorId) -> Option<&Operation> {
    let mut operations = program.operations.iter();
    operations.find(|operation| operation.outputs.contains(&tensor))
}

/// The values that have a gradient, in the order of memory.
fn live_ranges(program: &Program, operation: &Operation) -> Vec<[usize; 2]> {
    let gradient = operation.inputs[0];
    let elements = program.tensor(gradient).elements();
    let whole = vec![[0, elements]];
    let Some(maker) = maker(program, gradient) else {
        return whole;
    };
    let Some(live) = live_taps(maker, program) else {
        return whole;
    };
    let ([rows, columns], kernel) = (live.rectangle, live.kernel);
    let tap = elements / (kernel[0] * kernel[1]);
    (rows[0]..rows[0] + rows[1])
        .map(|row| {
            let first = row * kernel[1] + columns[0];
            [first * tap, (first + columns[1]) * tap]
        })
        .collect()
}

/// What lies before, between and behind these ranges of so many values.
fn between(ranges: &[[usize; 2]], elements: usize) -> impl Iterator<Item = [usize; 2]> {
    let starts = [0].into_iter().chain(ranges.iter().map(|range| range[1]));
    let ends = ranges.iter().map(|range| range[0]).chain([elements]);
    starts
        .zip(ends)
        .filter(|(start, end)| start < end)
        .map(|(start, end)| [start, end])
}

/// Numbers of the table a workgroup: how many values, how many partial sums the gradient has (0: it
/// is zero), how far apart they are; then chunk and place of the gradient, the parameter and the
/// moments.
fn row(shader: &mut Shader, block: &Block, chunk_bytes: usize) -> Vec<u32> {
    let operation = shader.program.operation(block.operation);
    let gradient = operation.inputs[0];
    let elements = shader.program.tensor(gradient).elements();
    let partials = shader
        .schedule
        .buffer(gradient)
        .filter(|_| block.has_gradient)
        .map_or(0, |buffer| buffer.layout.partials());
    let mut row = vec![block.count as u32, partials as u32, elements as u32];
    for id in &operation.inputs {
        match shader.schedule.buffer(*id) {
            Some(buffer) => {
                let (arena, offset_bytes) = (buffer.arena, buffer.offset_bytes);
                let chunk = shader.bind(Binding::Chunk(arena, offset_bytes / chunk_bytes));
                row.extend([
                    chunk as u32,
                    (offset_bytes % chunk_bytes / 4 + block.first) as u32,
                ]);
            }
            None => row.extend([0, 0]),
        }
    }
    row
}

pub(crate) fn text(shader: &mut Shader, place: usize, op: &dyn Update) -> String {
    let kernel = shader.kernel;
    let chunk_bytes = shader.target.chunk_bytes;
    let blocks = blocks(shader.program, &kernel.operations);
    let table: Vec<Vec<u32>> = blocks
        .iter()
        .map(|block| row(shader, block, chunk_bytes))
        .collect();
    let width = table.first().map_or(0, Vec::len);
    let count = table.len();
    let chunks = |shader: &Shader, of: Option<Arena>| -> Vec<usize> {
        let all = shader.bindings().iter().enumerate();
        let wanted = all.filter(|(_, binding)| match (binding, of) {
            (Binding::Chunk(arena, _), Some(of)) => *arena == of,
            (Binding::Chunk(..), None) => true,
            _ => false,
        });
        wanted.map(|(number, _)| number).collect()
    };
    let persistent = chunks(shader, Some(Arena::Persistent));
    let step = chunks(shader, Some(Arena::Step));
    for (name, among) in [("state", &persistent), ("gradient", &step)] {
        let mut read = format!("fn {name}_at(chunk: u32, i: u32) -> f32 {{\nswitch chunk {{\n");
        let mut write =
            format!("fn set_{name}(chunk: u32, i: u32, value: f32) {{\nswitch chunk {{\n");
        for chunk in among {
            read += &format!("case {chunk}u: {{ return t{chunk}[i]; }}\n");
            write += &format!("case {chunk}u: {{ t{chunk}[i] = value; }}\n");
        }
        read += "default: { return 0.0; }\n}\n}\n";
        write += "default: {}\n}\n}\n";
        shader.function(read);
        if name == "state" {
            shader.function(write);
        }
    }
    shader.bind(Binding::Table(table.concat()));
    let states = shader.operation(place).inputs.len() - 1;
    let mut load = String::new();
    let mut store = String::new();
    let mut names = Vec::new();
    for state in 0..states {
        let (chunk, place) = (5 + 2 * state, 6 + 2 * state);
        load += &format!(
            "let chunk{state} = table[entry + {chunk}u];\nlet place{state} = table[entry + {place}u] + j;\n\
             var s{state} = state_at(chunk{state}, place{state});\n"
        );
        store += &format!("set_state(chunk{state}, place{state}, s{state});\n");
        names.push(format!("s{state}"));
    }
    let update = op.update("gradient", &names);
    format!(
        "@compute @workgroup_size({THREADS})\n\
         fn main(@builtin(workgroup_id) group: vec3<u32>, \
         @builtin(num_workgroups) groups: vec3<u32>, \
         @builtin(local_invocation_index) thread: u32) {{\n\
         let block = group.y * groups.x + group.x;\nif block >= {count}u {{ return; }}\n\
         let entry = block * {width}u;\n\
         let count = table[entry];\nlet partials = table[entry + 1u];\n\
         let apart = table[entry + 2u];\n\
         for (var j = thread; j < count; j += {THREADS}u) {{\n\
         var gradient = 0.0;\n\
         for (var part = 0u; part < partials; part++) {{\n\
         gradient += gradient_at(table[entry + 3u], table[entry + 4u] + part * apart + j);\n}}\n\
         {load}{update}{store}}}\n}}\n"
    )
}
