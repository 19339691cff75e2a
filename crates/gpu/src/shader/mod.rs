//! A kernel's text while it grows: what it binds, and functions that read values.

mod bf16;
mod formulas;
mod merged;
mod not_finite;
mod sums;

use laptime_graph::{
    Operation, Program, Role, TensorId, Uses,
    schedule::{Arena, Kernel, Schedule},
};
use laptime_workload::{Moved, dataset::Dtype};

use crate::target::Target;
pub(crate) use formulas::{InText, POWER};
use merged::Merged;

/// Threads of a workgroup: what every adapter has. A norm may have more ([`Target::threads`]).
pub(crate) const THREADS: usize = 256;

/// What a binding is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Binding {
    /// A tensor's place in its arena.
    Tensor(TensorId),
    /// The same of words of two values.
    Words(TensorId),
    /// A whole chunk of an arena.
    Chunk(Arena, usize),
    /// The same as words.
    ChunkOfWords(Arena, usize),
    /// A chunk of the samples' bytes.
    Pixels(usize),
    /// The labels of all samples, or the values that a net learns to give.
    Targets,
    /// The samples in the order of the epoch.
    Order,
    /// The metrics of every step.
    Log,
    /// Numbers that belong to the kernel.
    Table(Vec<u32>),
}

impl Binding {
    /// What a text calls it, which is the binding of this number.
    fn name(&self, number: usize) -> String {
        match self {
            Self::Tensor(_) | Self::Words(_) | Self::Chunk(..) | Self::ChunkOfWords(..) => {
                format!("t{number}")
            }
            Self::Pixels(chunk) => format!("pixels{chunk}"),
            Self::Targets => "targets".into(),
            Self::Order => "order".into(),
            Self::Log => "log_of_steps".into(),
            Self::Table(_) => "table".into(),
        }
    }

    /// Whether kernels only read it. Tensors share buffers, and `wgpu` wants a buffer bound in one
    /// way in a dispatch.
    pub(crate) fn is_read_only(&self) -> bool {
        matches!(
            self,
            Self::Pixels(_) | Self::Targets | Self::Order | Self::Table(_)
        )
    }
}

/// How the inputs of samples lie on the device: so many samples to a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SampleChunks {
    pub samples: usize,
    pub chunks: usize,
    /// How their values are stored.
    pub stored: Dtype,
    /// The height, width and channels of images that are augmented where they are read.
    pub augmented: Option<[usize; 3]>,
}

pub(crate) struct Shader<'a> {
    pub program: &'a Program,
    pub uses: &'a Uses,
    pub schedule: &'a Schedule,
    pub kernel: &'a Kernel,
    pub target: Target,
    /// What stands before all else.
    pub enables: &'static str,
    samples: SampleChunks,
    /// What pixels are divided by where they are read.
    divisor: f32,
    bindings: Vec<Binding>,
    functions: Vec<String>,
}

impl<'a> Shader<'a> {
    pub(crate) fn new(
        (program, uses): (&'a Program, &'a Uses),
        schedule: &'a Schedule,
        kernel: &'a Kernel,
        (samples, divisor): (SampleChunks, f32),
        target: Target,
    ) -> Self {
        Self {
            program,
            uses,
            schedule,
            kernel,
            target,
            enables: "",
            samples,
            divisor,
            bindings: Vec::new(),
            functions: Vec::new(),
        }
    }

    /// The head of a kernel whose threads add among each other. Threads are numbered so that those
    /// of a subgroup are neighbours: with 256 or 64 of them and subgroups of one size, a power of
    /// two, all subgroups are full. Where the size is known to be no less than the target's, and not
    /// which, the target's many neighbours are in one subgroup all the same, and add in the same order.
    pub(crate) fn entry(&self, threads: usize) -> String {
        let (builtins, number) = match self.target.subgroup {
            1 => (
                "@builtin(local_invocation_index) thread: u32",
                String::new(),
            ),
            _ if self.target.subgroup_varies => (
                "@builtin(subgroup_id) subgroup: u32, \
                 @builtin(subgroup_size) lanes: u32, \
                 @builtin(subgroup_invocation_id) lane: u32",
                "let thread = subgroup * lanes + lane;\n".into(),
            ),
            size => (
                "@builtin(subgroup_id) subgroup: u32, \
                 @builtin(subgroup_invocation_id) lane: u32",
                format!("let thread = subgroup * {size}u + lane;\n"),
            ),
        };
        format!(
            "@compute @workgroup_size({threads})\n\
             fn main(@builtin(workgroup_id) group: vec3<u32>, \
             @builtin(num_workgroups) groups: vec3<u32>, {builtins}) {{\n{number}"
        )
    }

    /// The whole text: declarations, functions and this main part; and what it binds, which is what the target
    /// allows as far as tensors lie in the same chunks.
    pub(crate) fn finish(self, main: &str) -> (String, Vec<Binding>) {
        let functions = self
            .functions
            .iter()
            .map(|function| function.clone() + "\n");
        let body = functions.collect::<String>() + main;
        let Merged { bound, body } = Merged::of(&self.bindings, body, self.schedule, self.target);
        // `first` and `log` are places in the order and in the log, `number` counts steps from 1,
        // the rest is of `StepValues`, taken in double precision.
        let mut text = String::from(self.enables);
        text.push_str(
            "struct Step { first: u32, number: u32, log: u32, step_size: f32, decay: f32, \
             epsilon: f32, row: u32 }\n\
             @group(0) @binding(0) var<uniform> step: Step;\n",
        );
        for (number, (name, binding)) in bound.iter().enumerate() {
            let access = if binding.is_read_only() {
                "read"
            } else {
                "read_write"
            };
            let kind = match binding {
                Binding::Tensor(_) | Binding::Chunk(..) | Binding::Log => "f32",
                _ => "u32",
            };
            text += &format!(
                "@group(1) @binding({number}) var<storage, {access}> {name}: array<{kind}>;\n"
            );
        }
        let bindings = bound.into_iter().map(|(_, binding)| binding);
        (text + &body, bindings.collect())
    }

    pub(crate) fn operation(&self, place: usize) -> &'a Operation {
        self.program.operation(self.kernel.operations[place])
    }

    pub(crate) fn shape(&self, id: TensorId) -> &'a [usize] {
        &self.program.tensor(id).shape
    }

    /// What is bound so far.
    pub(crate) fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// Binds something, once.
    pub(crate) fn bind(&mut self, binding: Binding) -> usize {
        let known = self.bindings.iter().position(|one| *one == binding);
        known.unwrap_or_else(|| {
            self.bindings.push(binding);
            self.bindings.len() - 1
        })
    }

    /// Adds a function, once.
    pub(crate) fn function(&mut self, text: String) {
        if !self.functions.contains(&text) {
            self.functions.push(text);
        }
    }

    /// Declares [`not_finite::FUNCTIONS`].
    pub(crate) fn not_finite(&mut self) {
        self.function(not_finite::FUNCTIONS.into());
    }

    /// The name of a tensor's array.
    pub(crate) fn tensor(&mut self, id: TensorId) -> String {
        format!("t{}", self.bind(Binding::Tensor(id)))
    }

    /// Whether the kernel writes this tensor to memory.
    pub(crate) fn writes(&self, id: TensorId) -> bool {
        let mut accesses = self.kernel.accesses.iter();
        accesses.any(|access| access.write && access.tensor == id)
    }

    /// In how many partial sums a tensor is in memory.
    pub(crate) fn partials(&self, id: TensorId) -> usize {
        let buffer = self.schedule.buffer(id);
        buffer.map_or(1, |buffer| buffer.layout.partials())
    }

    /// The value of a tensor at a place of its own order: read from memory or made of pixels, and rounded where the
    /// kernel does that for itself.
    pub(crate) fn value(&mut self, id: TensorId, index: &str) -> String {
        let (id, is_rounded) = self.source(id);
        let value = self.source_value(id, index);
        match is_rounded {
            true => self.rounded(&value),
            false => value,
        }
    }

    /// Where a tensor that is not in memory comes from, value by value, and whether it is rounded on the way.
    fn source(&self, mut id: TensorId) -> (TensorId, bool) {
        let mut is_rounded = false;
        while self.schedule.buffer(id).is_none()
            && let Some(maker) = self.uses.maker(id)
        {
            let maker = self.program.operation(maker);
            is_rounded |= maker.op.definition().is_rounding();
            id = maker.inputs[0];
        }
        (id, is_rounded)
    }

    fn source_value(&mut self, id: TensorId, index: &str) -> String {
        let tensor = self.program.tensor(id);
        let column = match tensor.role {
            Role::Input { column } => Some(column),
            _ => None,
        };
        if self.is_packed(id) {
            return self.of_pair(id, index);
        }
        if self.schedule.buffer(id).is_some() && column.is_none() {
            let memory = self.tensor(id);
            return match self.partials(id) {
                1 => format!("{memory}[{index}]"),
                partials => {
                    let of = |part| format!("{memory}[i + {}u]", part * tensor.elements());
                    let sum: Vec<String> = (0..partials).map(of).collect();
                    let sum = sum.join(" + ");
                    self.function(format!(
                        "fn sum_of_{memory}(i: u32) -> f32 {{ return {sum}; }}\n"
                    ));
                    format!("sum_of_{memory}({index})")
                }
            };
        }
        let values = tensor.elements() / self.program.batch_size;
        self.bind(Binding::Order);
        // What is not in memory is made of the input, which is the first column.
        match column {
            Some(1..) => self.target_value(values),
            Some(0) | None => self.pixel(values),
        }
        let function = if column > Some(0) {
            "target_value"
        } else {
            "pixel"
        };
        format!("{function}({index})")
    }

    /// Declares the function of a batch's inputs, scaled.
    fn pixel(&mut self, values: usize) {
        let SampleChunks {
            samples,
            chunks,
            stored,
            augmented,
        } = self.samples;
        let divisor = number(f64::from(self.divisor));
        let mut word = String::new();
        for chunk in 0..chunks {
            self.bind(Binding::Pixels(chunk));
            let is_last = chunk + 1 == chunks;
            let condition = if is_last {
                String::new()
            } else {
                format!("if sample < {}u ", (chunk + 1) * samples)
            };
            let first = chunk * samples;
            let value = match stored {
                Dtype::F32 => format!("bitcast<f32>(pixels{chunk}[at])"),
                _ => format!("f32((pixels{chunk}[at / 4u] >> (at % 4u * 8u)) & 255u)"),
            };
            word += &format!(
                "    {condition}{{ let at = (sample - {first}u) * {values}u + rest; \
                 return {value} / {divisor}; }}\n",
            );
        }
        let rest = match augmented {
            None => format!("let rest = i % {values}u;\n"),
            Some(shape) => moved(shape, self.program.batch_size),
        };
        self.function(format!(
            "fn pixel(i: u32) -> f32 {{\n    let sample = order[step.first + i / {values}u];\n    \
             {rest}{word}}}\n"
        ));
    }

    /// Declares the function of a batch's targets, where they are numbers.
    fn target_value(&mut self, values: usize) {
        self.bind(Binding::Targets);
        self.function(format!(
            "fn target_value(i: u32) -> f32 {{\n    \
             let at = order[step.first + i / {values}u] * {values}u + i % {values}u;\n    \
             return bitcast<f32>(targets[at]);\n}}\n"
        ));
    }
}

/// How far an image is moved, as a word that stands behind the numbers of a batch's samples.
pub(crate) fn word_of(moved: Moved) -> u32 {
    let shift = |by: i16| (i32::from(by) + MOST_SHIFT) as u32;
    u32::from(moved.flipped) | shift(moved.down) << 1 | shift(moved.right) << 13
}

/// As far as an image can be moved, and so many that both shifts have 12 bits.
const MOST_SHIFT: i32 = 1 << 10;

/// Statements that find where in its image a value of an augmented one is. Shifts up and to the left wrap around to
/// numbers that no image has.
fn moved([height, width, channels]: [usize; 3], batch_size: usize) -> String {
    let values = height * width * channels;
    format!(
        "let moved = order[step.first + {batch_size}u + i / {values}u];\n    \
         let place = i % {values}u / {channels}u;\n    \
         let column = place % {width}u;\n    \
         let y = place / {width}u + ((moved >> 1u) & 4095u) - {MOST_SHIFT}u;\n    \
         let x = select(column, {}u - column, (moved & 1u) == 1u) + (moved >> 13u) - {MOST_SHIFT}u;\n    \
         if y >= {height}u || x >= {width}u {{ return 0.0; }}\n    \
         let rest = (y * {width}u + x) * {channels}u + i % {channels}u;\n",
        width - 1,
    )
}

/// A number as WGSL writes it in single precision.
pub(crate) fn number(value: f64) -> String {
    format!("{:e}f", value as f32)
}
