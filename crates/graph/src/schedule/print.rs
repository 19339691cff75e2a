//! Schedules as text: what `explain` shows.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use super::{Arena, Buffer, Kernel, Layout, Schedule, Split};
use crate::{
    class::Class,
    cost::MetImages,
    print::shape_text,
    program::{Fusion, OpId, Operation, Program},
    simplification::Simplification,
    tensor::{Role, TensorId},
    window::{live_pairs, live_taps},
};

/// A Schedule with the Program that gives its tensors and operations their names.
pub struct Explained<'a> {
    program: &'a Program,
    schedule: &'a Schedule,
    /// The buffer of each tensor.
    buffers: Vec<Option<&'a Buffer>>,
    /// The first convolution that reads each filters.
    convolutions: HashMap<TensorId, &'a Operation>,
    /// The fusions that were taken of each operation.
    fusions: Vec<Vec<&'a Fusion>>,
}

impl<'a> Explained<'a> {
    /// What is to be computed, and how.
    pub fn new(program: &'a Program, schedule: &'a Schedule) -> Self {
        let mut convolutions = HashMap::new();
        for operation in &program.operations {
            if is_convolution(program, operation) {
                let filters = program.unrounded(operation.inputs[1]);
                convolutions.entry(filters).or_insert(operation);
            }
        }
        let mut fusions = vec![Vec::new(); program.operations.len()];
        let is_taken = |one: &&Fusion| schedule.passes.contains(&one.kind);
        for fusion in program.fusions.iter().filter(is_taken) {
            for id in &fusion.operations {
                fusions[id.0].push(fusion);
            }
        }
        Self {
            program,
            schedule,
            buffers: schedule.buffers_by_tensor(program),
            convolutions,
            fusions,
        }
    }
}

/// Whether the operation is a convolution itself, not one of its gradients.
fn is_convolution(program: &Program, operation: &Operation) -> bool {
    program.class(operation) == Class::Product
        && program.tensor(operation.outputs[0]).role == Role::Activation
        && program.met_images(operation).is_some()
}

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            program, schedule, ..
        } = self;
        let fusions = schedule.passes.iter().map(|pass| pass.as_str());
        let simplifications = schedule.simplifications.iter().map(|one| one.as_str());
        let passes: Vec<&str> = fusions.chain(simplifications).collect();
        writeln!(
            f,
            "schedule for {}, batch {}",
            schedule.target, program.batch_size
        )?;
        writeln!(
            f,
            "  passes: {}",
            if passes.is_empty() {
                "none".into()
            } else {
                passes.join(", ")
            }
        )?;
        self.simplifications(f)?;
        for (number, stage) in schedule.stages.iter().enumerate() {
            writeln!(
                f,
                "stage {number}: {} slice{}{}",
                stage.slices,
                if stage.slices == 1 { "" } else { "s" },
                if stage.barrier {
                    ", then a barrier"
                } else {
                    ""
                }
            )?;
            for kernel in &stage.kernels {
                self.kernel(f, kernel)?;
            }
        }
        for arena in [Arena::Persistent, Arena::Step, Arena::Thread] {
            let name = match arena {
                Arena::Persistent => "persistent",
                Arena::Step => "step",
                Arena::Thread => "each thread's",
            };
            writeln!(f, "{name} arena: {} bytes", schedule.arena_bytes(arena))?;
            for buffer in schedule
                .buffers
                .iter()
                .filter(|buffer| buffer.arena == arena)
            {
                self.buffer(f, buffer)?;
            }
        }
        if schedule.zero_bytes > 0 {
            writeln!(
                f,
                "zeros behind the step arena and each thread's scratch: {} bytes",
                schedule.zero_bytes
            )?;
        }
        Ok(())
    }
}

impl Explained<'_> {
    /// What each simplification leaves out, or would.
    fn simplifications(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let program = self.program;
        let mflop = |flops: u64| flops as f64 / 1e6;
        let all = program.model_flops();
        for one in Simplification::ALL {
            let left_out = all - program.executed_flops(&[one]);
            if left_out == 0 {
                continue;
            }
            let is_taken = self.takes(one);
            write!(
                f,
                "  {one}: {} {:.3} of {:.3} MFLOP in products",
                if is_taken {
                    "leaves out"
                } else {
                    "not taken; would leave out"
                },
                mflop(left_out),
                mflop(all),
            )?;
            match one {
                Simplification::DeadTaps if !self.moves_dead_weights() => {
                    writeln!(f, " and {} weights", self.dead_weights())?;
                }
                _ => writeln!(f)?,
            }
        }
        Ok(())
    }

    /// Whether an update moves the weights that only ever meet padding.
    fn moves_dead_weights(&self) -> bool {
        let mut operations = self.program.operations.iter();
        operations.any(|one| one.op.definition().moves_without_gradient())
    }

    /// The weights that only ever meet padding.
    fn dead_weights(&self) -> usize {
        let operations = self.program.operations.iter();
        let dead = operations
            .filter(|one| is_convolution(self.program, one))
            .map(|one| {
                let weights = self.program.tensor(one.inputs[1]).elements();
                self.met_window(one).map_or(0, |window| {
                    weights / window.taps * (window.taps - window.live_taps)
                })
            });
        dead.sum()
    }

    fn kernel(&self, f: &mut fmt::Formatter, kernel: &Kernel) -> fmt::Result {
        let program = self.program;
        let flops = kernel.flops(program, &self.schedule.simplifications);
        let bytes: usize = kernel
            .accesses
            .iter()
            .filter_map(|access| self.buffers[access.tensor.0])
            .map(|buffer| self.touched_bytes(kernel, buffer))
            .sum();
        let who = match kernel.split {
            Split::Slices => "each slice",
            Split::First => "first slice",
            Split::EachThread => "each thread",
        };
        writeln!(
            f,
            "  {:<44} {who:<12} {flops:>10} FLOP {bytes:>9} bytes{}",
            kernel.name(program),
            self.fused_by(kernel)
        )?;
        for id in &kernel.operations {
            writeln!(
                f,
                "      {:>3}  {}",
                id.0,
                program.describe(program.operation(*id))
            )?;
            if let Some(window) = self.met_window(program.operation(*id))
                && window.live_pairs < window.pairs
            {
                writeln!(f, "           {window}")?;
            }
        }
        Ok(())
    }

    /// The bytes of a buffer that a kernel touches: of weights and their moments, no dead taps, but where it
    /// moves those too.
    fn touched_bytes(&self, kernel: &Kernel, buffer: &Buffer) -> usize {
        let parameter = self
            .program
            .unrounded(match self.program.tensor(buffer.tensor).role {
                Role::Moment { of, .. } | Role::Gradient { of } => of,
                _ => buffer.tensor,
            });
        let convolution = self.convolutions.get(&parameter);
        match convolution.and_then(|one| self.met_window(one)) {
            Some(window)
                if self.takes(Simplification::DeadTaps)
                    && !kernel.moves_without_gradient(self.program) =>
            {
                buffer.bytes / window.taps * window.live_taps
            }
            _ => buffer.bytes,
        }
    }

    fn takes(&self, one: Simplification) -> bool {
        self.schedule.simplifications.contains(&one)
    }

    /// How much of the window meets the image, if the operation is a convolution or a gradient of one.
    fn met_window(&self, operation: &Operation) -> Option<MetWindow> {
        if self.program.class(operation) != Class::Product {
            return None;
        }
        let images = self.program.met_images(operation)?;
        let MetImages {
            window,
            input,
            output,
        } = &images;
        let live = live_taps(window, *input, *output);
        Some(MetWindow {
            taps: live.len(),
            live_taps: live.iter().filter(|live| **live).count(),
            pairs: live.len() * output.iter().product::<usize>(),
            live_pairs: live_pairs(window, *input, *output),
            multiplied_pairs: images.multiplied_pairs(&self.schedule.simplifications),
        })
    }

    /// The passes that made one kernel of several operations, in brackets.
    fn fused_by(&self, kernel: &Kernel) -> String {
        let is_of_kernel = |fusion: &&&Fusion| {
            let inside = |id: &&OpId| kernel.operations.contains(id);
            fusion.operations.iter().filter(inside).count() > 1
        };
        let operations = kernel.operations.iter();
        let fusions = operations
            .flat_map(|id| &self.fusions[id.0])
            .filter(is_of_kernel);
        let kinds: BTreeSet<&str> = fusions.map(|fusion| fusion.kind.as_str()).collect();
        if kinds.is_empty() {
            return String::new();
        }
        let kinds: Vec<&str> = kinds.into_iter().collect();
        format!("  [{}]", kinds.join(", "))
    }

    fn buffer(&self, f: &mut fmt::Formatter, buffer: &Buffer) -> fmt::Result {
        let tensor = self.program.tensor(buffer.tensor);
        let layout = match buffer.layout {
            Layout::Rows { stride, .. } => format!("rows of {stride}"),
            Layout::RowPairs { columns } => format!("rows of {columns} in bf16, in pairs"),
            Layout::OutputLanes { lanes, .. } => format!("{lanes} output lanes"),
            Layout::FilterLanes { lanes, .. } => format!("{lanes} filter lanes"),
            Layout::SampleLanes { stride, .. } => format!("{stride} sample lanes"),
            Layout::SamplePairs { stride, .. } => {
                format!("{stride} sample lanes of two channels in bf16")
            }
            Layout::Partials { slices, stride, .. } => {
                format!("{slices} partial sums, rows of {stride}")
            }
            Layout::FilterPartials { slices, lanes, .. } => {
                format!("{slices} partial sums, {lanes} filter lanes")
            }
        };
        writeln!(
            f,
            "  {:>9} +{:<8}{} {:<16} {:<16} {layout}",
            buffer.offset_bytes,
            buffer.bytes,
            if buffer.copies > 1 { "×2" } else { "  " },
            tensor.name,
            shape_text(&tensor.shape),
        )
    }
}

/// How much of a convolution's window meets the image.
struct MetWindow {
    taps: usize,
    live_taps: usize,
    /// Of an output position and a tap.
    pairs: usize,
    live_pairs: usize,
    multiplied_pairs: usize,
}

impl fmt::Display for MetWindow {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            taps,
            live_taps,
            pairs,
            live_pairs,
            multiplied_pairs,
        } = self;
        write!(
            f,
            "{live_taps} of {taps} taps ever meet the image; at all positions together, {live_pairs} \
             of {pairs}"
        )?;
        if multiplied_pairs > live_pairs {
            write!(f, ", but {multiplied_pairs} are multiplied")?;
        }
        Ok(())
    }
}

impl Kernel {
    /// The floating-point operations of one step's kernel, where these simplifications are taken.
    pub fn flops(&self, program: &Program, taken: &[Simplification]) -> u64 {
        let operations = self.operations.iter();
        operations.map(|id| program.flops(*id, taken)).sum()
    }

    /// Whether it has an update that moves a parameter whose gradient has always been 0.
    pub fn moves_without_gradient(&self, program: &Program) -> bool {
        let mut operations = self.operations.iter().map(|id| program.operation(*id).op);
        operations.any(|op| op.definition().moves_without_gradient())
    }

    /// The name of the tensor that it makes: the first result of its last operation.
    pub fn makes<'a>(&self, program: &'a Program) -> &'a str {
        let last = *self.operations.last().expect("no kernel is empty");
        let made = program.operation(last).outputs[0];
        &program.tensor(made).name
    }

    /// The operations' names: `dense + bias + relu`, `107 adam`.
    pub fn name(&self, program: &Program) -> String {
        let mut names: Vec<(&str, usize)> = Vec::new();
        for name in self
            .operations
            .iter()
            .map(|id| program.operation(*id).op.name())
        {
            match names.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => names.push((name, 1)),
            }
        }
        let names: Vec<String> = names
            .into_iter()
            .map(|(name, count)| match count {
                1 => name.to_owned(),
                _ => format!("{count} {name}"),
            })
            .collect();
        names.join(" + ")
    }
}
