//! Updates of many parameters in one dispatch. A table says for each workgroup which values it
//! updates and where their gradients are.

use laptime_graph::{Op, OpId, Operation, Program, TensorId, schedule::Arena};

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
    /// What is read for their gradient, where it is in memory; else it is zero, and always was.
    gradient: Option<TensorId>,
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
        let Source { gradient, .. } = Source::of(program, operations, operation);
        let live = live_ranges(program, gradient);
        let with_gradient = live.iter().map(|range| (*range, Some(gradient)));
        let mut ranges: Vec<([usize; 2], Option<TensorId>)> = with_gradient.collect();
        if operation.op.definition().moves_without_gradient() {
            let elements = program.tensor(gradient).elements();
            ranges.extend(between(&live, elements).map(|range| (range, None)));
        }
        for ([start, end], gradient) in ranges {
            for first in (start..end).step_by(BLOCK) {
                let count = BLOCK.min(end - first);
                blocks.push(Block {
                    operation: id,
                    first,
                    count,
                    gradient,
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

/// What an update reads of memory for its gradient.
struct Source {
    gradient: TensorId,
    /// What the gradient is multiplied by, where it is clipped in the same kernel.
    factor: Option<TensorId>,
}

impl Source {
    /// That of an update among these operations of a kernel.
    fn of(program: &Program, operations: &[OpId], update: &Operation) -> Self {
        let gradient = update.inputs[0];
        let mut operations = operations.iter().map(|id| program.operation(*id));
        let clip =
            operations.find(|one| matches!(one.op, Op::Clip(_)) && one.outputs[0] == gradient);
        match clip {
            Some(clip) => Self {
                gradient: clip.inputs[0],
                factor: Some(clip.inputs[1]),
            },
            None => Self {
                gradient,
                factor: None,
            },
        }
    }
}

/// All values of a gradient: the partial sums of each are added, and those of dead taps, which nobody makes, are 0.
pub(super) struct Gradient {
    tensor: TensorId,
    live: Vec<[usize; 2]>,
}

impl Gradient {
    pub(super) fn of(program: &Program, tensor: TensorId) -> Self {
        let live = live_ranges(program, tensor);
        Self { tensor, live }
    }

    /// The value at an index in the order of memory.
    pub(super) fn value(&self, shader: &mut Shader, index: &str) -> String {
        let elements = shader.program.tensor(self.tensor).elements();
        let buffer = shader.schedule.buffer(self.tensor);
        let partials = buffer.map_or(1, |buffer| buffer.layout.partials());
        let name = shader.tensor(self.tensor);
        if partials == 1 && self.live == [[0, elements]] {
            return format!("{name}[{index}]");
        }
        let ranges = self.live.iter();
        let is_live: Vec<String> = ranges
            .map(|[start, end]| format!("(i >= {start}u && i < {end}u)"))
            .collect();
        let is_live = match is_live.len() {
            0 => "false".to_owned(),
            _ => is_live.join(" || "),
        };
        shader.function(format!(
            "fn gradient(i: u32) -> f32 {{\nvar sum = 0.0;\n\
             if {is_live} {{\n\
             for (var part = 0u; part < {partials}u; part++) {{ \
             sum += {name}[part * {elements}u + i]; }}\n}}\n\
             return sum;\n}}\n"
        ));
        format!("gradient({index})")
    }
}

/// The values of a gradient that somebody makes, in the order of memory.
fn live_ranges(program: &Program, gradient: TensorId) -> Vec<[usize; 2]> {
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
fn row(shader: &mut Shader, block: &Block) -> Vec<u32> {
    let operation = shader.program.operation(block.operation);
    let buffer = block.gradient.and_then(|id| shader.schedule.buffer(id));
    let partials = buffer.map_or(0, |buffer| buffer.layout.partials());
    let elements = shader.program.tensor(operation.inputs[0]).elements();
    let mut row = vec![block.count as u32, partials as u32, elements as u32];
    let states = operation.inputs[1..].iter().copied().map(Some);
    for id in [block.gradient].into_iter().chain(states) {
        row.extend(match id.and_then(|id| place_in_chunk(shader, id)) {
            Some([chunk, first]) => [chunk, first + block.first as u32],
            None => [0, 0],
        });
    }
    row
}

/// The number of the binding of the chunk that a tensor lies in, and the tensor's first value there.
pub(super) fn place_in_chunk(shader: &mut Shader, id: TensorId) -> Option<[u32; 2]> {
    let chunk_bytes = shader.target.chunk_bytes;
    let buffer = shader.schedule.buffer(id)?;
    let (arena, offset_bytes) = (buffer.arena, buffer.offset_bytes);
    let chunk = shader.bind(Binding::Chunk(arena, offset_bytes / chunk_bytes));
    Some([chunk as u32, (offset_bytes % chunk_bytes / 4) as u32])
}

/// The numbers of the bindings of an arena's chunks.
fn chunks(shader: &Shader, of: Arena) -> Vec<usize> {
    let all = shader.bindings().iter().enumerate();
    all.filter(|(_, binding)| matches!(binding, Binding::Chunk(arena, _) if *arena == of))
        .map(|(number, _)| number)
        .collect()
}

/// Declares `{name}_at`, which reads a value of these arenas' chunks that are bound.
pub(super) fn reads_at(shader: &mut Shader, name: &str, arenas: &[Arena]) {
    let mut read = format!("fn {name}_at(chunk: u32, i: u32) -> f32 {{\nswitch chunk {{\n");
    for chunk in arenas.iter().flat_map(|arena| chunks(shader, *arena)) {
        read += &format!("case {chunk}u: {{ return t{chunk}[i]; }}\n");
    }
    read += "default: { return 0.0; }\n}\n}\n";
    shader.function(read);
}

pub(crate) fn text(shader: &mut Shader, place: usize, op: &dyn Update) -> String {
    let kernel = shader.kernel;
    let blocks = blocks(shader.program, &kernel.operations);
    let table: Vec<Vec<u32>> = blocks.iter().map(|block| row(shader, block)).collect();
    let own = shader.operation(place);
    let factor = Source::of(shader.program, &kernel.operations, own).factor;
    let factor = factor.and_then(|factor| place_in_chunk(shader, factor));
    let width = table.first().map_or(0, Vec::len);
    let count = table.len();
    reads_at(shader, "state", &[Arena::Persistent]);
    let mut write = "fn set_state(chunk: u32, i: u32, value: f32) {\nswitch chunk {\n".to_owned();
    for chunk in chunks(shader, Arena::Persistent) {
        write += &format!("case {chunk}u: {{ t{chunk}[i] = value; }}\n");
    }
    write += "default: {}\n}\n}\n";
    shader.function(write);
    // Sums over micro-batches lie beside parameters.
    let is_sum = |block: &Block| {
        let buffer = block.gradient.and_then(|id| shader.schedule.buffer(id));
        buffer.is_some_and(|buffer| buffer.arena == Arena::Persistent)
    };
    match blocks.iter().any(is_sum) {
        true => reads_at(shader, "gradient", &[Arena::Step, Arena::Persistent]),
        false => reads_at(shader, "gradient", &[Arena::Step]),
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
    let clip = factor.map_or(String::new(), |[chunk, first]| {
        format!("gradient *= gradient_at({chunk}u, {first}u);\n")
    });
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
         {clip}{load}{update}{store}}}\n}}\n"
    )
}
