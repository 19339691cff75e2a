//! Schedules as text: what `explain` shows.

use std::fmt;

use super::{Arena, Buffer, Kernel, Layout, Schedule, Split};
use crate::{print::shape_text, program::Program};

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
            .map(|buffer| buffer.bytes)
            .sum();
        let who = match kernel.split {
            Split::Slices => "each slice",
            Split::First => "first slice",
            Split::EachThread => "each thread",
        };
        writeln!(
            f,
            "  {:<44} {who:<12} {flops:>10} FLOP {bytes:>9} bytes",
            kernel.name(program)
        )?;
        for id in &kernel.operations {
            writeln!(
                f,
                "      {:>3}  {}",
                id.0,
                program.describe(program.operation(*id))
            )?;
        }
        Ok(())
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
