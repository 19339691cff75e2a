//! Schedules as text: what `explain` shows.

use std::{collections::BTreeSet, fmt};

use super::{Arena, Buffer, Kernel, Layout, Schedule, Split};
use crate::{
    op::Op,
    print::shape_text,
    program::{Fusion, OpId, Operation, Program, Role, TensorId},
    window::{live_pairs, live_taps},
};

/// A Schedule with the Program that gives its tensors and operations their names.
pub struct Explained<'a> {
    /// What is to be computed.
    pub program: &'a Program,
    /// How.
    pub schedule: &'a Schedule,
}

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { program, schedule } = self;
        let passes: Vec<&str> = schedule.passes.iter().map(|pass| pass.as_str()).collect();
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
        Ok(())
    }
}

impl Explained<'_> {
    fn kernel(&self, f: &mut fmt::Formatter, kernel: &Kernel) -> fmt::Result {
        let program = self.program;
        let flops: u64 = kernel.operations.iter().map(|id| program.flops(*id)).sum();
        let bytes: usize = kernel
            .accesses
            .iter()
            .filter_map(|access| self.schedule.buffer(access.tensor))
            .map(|buffer| self.touched_bytes(buffer))
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
            if let Some(window) = MetWindow::of(program, program.operation(*id))
                && window.live_pairs < window.pairs
            {
                writeln!(f, "           {window}")?;
            }
        }
        Ok(())
    }

    /// The bytes of a buffer that a kernel touches: of weights and their moments, no dead taps.
    fn touched_bytes(&self, buffer: &Buffer) -> usize {
        let parameter = self
            .program
            .unrounded(match self.program.tensor(buffer.tensor).role {
                Role::Moment { of } | Role::Gradient { of } => of,
                _ => buffer.tensor,
            });
        let mut operations = self.program.operations.iter();
        let convolution = operations.find(|one| {
            matches!(one.op, Op::Conv2d(_)) && self.program.unrounded(one.inputs[1]) == parameter
        });
        match convolution.and_then(|one| MetWindow::of(self.program, one)) {
            Some(window) => buffer.bytes / window.taps * window.live_taps,
            None => buffer.bytes,
        }
    }

    /// The passes that made one kernel of several operations, in brackets.
    fn fused_by(&self, kernel: &Kernel) -> String {
        let is_of_kernel = |fusion: &&Fusion| {
            let inside = |id: &&OpId| kernel.operations.contains(id);
            fusion.operations.iter().filter(inside).count() > 1
                && self.schedule.passes.contains(&fusion.kind)
        };
        let fusions = self.program.fusions.iter().filter(is_of_kernel);
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
}

impl MetWindow {
    /// That of an operation, if it is a convolution or a gradient of one.
    fn of(program: &Program, operation: &Operation) -> Option<Self> {
        let (inputs, output) = (&operation.inputs, operation.outputs[0]);
        let (window, x, y) = match operation.op {
            Op::Conv2d(window) => (window, inputs[0], output),
            Op::Conv2dGradInput(window) => (window, output, inputs[0]),
            Op::Conv2dGradWeight(window) => (window, inputs[0], inputs[1]),
            _ => return None,
        };
        let extents = |id: TensorId| {
            let shape = &program.tensor(id).shape;
            [shape[1], shape[2]]
        };
        let (x, y) = (extents(x), extents(y));
        let live = live_taps(&window, x, y);
        Some(Self {
            taps: live.len(),
            live_taps: live.iter().filter(|live| **live).count(),
            pairs: live.len() * y[0] * y[1],
            live_pairs: live_pairs(&window, x, y),
        })
    }
}

impl fmt::Display for MetWindow {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            taps,
            live_taps,
            pairs,
            live_pairs,
        } = self;
        write!(
            f,
            "{live_taps} of {taps} taps ever meet the image; at all positions together, {live_pairs} \
             of {pairs}"
        )
    }
}

impl Kernel {
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
