//! What a step should take on an adapter of these peaks: planning by counting, where there is no
//! card to measure on. A prediction, never to be taken for a measurement.

mod model;

use std::fmt;

use laptime_graph::{
    Mode, Operation, Program, Role, TensorId, Uses,
    schedule::{Kernel, Schedule},
};

use crate::{kernels, ops::live_taps, probe::Peaks, work::Work};
use model::Machine;

/// A step, counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Its dispatches, in order.
    pub dispatches: Vec<Counted>,
    /// What it is predicted from.
    pub peaks: Peaks,
    /// What the step is of.
    mode: Mode,
    /// Whether it rounds to bfloat16.
    rounds: bool,
}

/// A dispatch, counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// The operations in it.
    pub kernel: String,
    /// The tensor that it makes.
    pub makes: String,
    /// How many workgroups.
    pub workgroups: usize,
    /// What each of them does.
    pub work: Work,
    /// Floating-point operations.
    pub flops: u64,
    /// What it reads and writes of memory, each tensor once.
    pub bytes: u64,
    /// Seconds at best: the longer of arithmetic and memory at their peaks, and the launch.
    pub at_best_s: f64,
    /// Seconds by the model of workgroups and their waits, where the number of multiprocessors is known.
    pub modelled_s: Option<f64>,
}

impl Forecast {
    /// Counts a lowered step.
    pub fn of(program: &Program, schedule: &Schedule, peaks: Peaks) -> Self {
        let uses = Uses::of(program);
        let machine = peaks.multiprocessors.map(|multiprocessors| Machine {
            flops: peaks.flops,
            bytes_per_s: peaks.bytes_per_s,
            multiprocessors,
        });
        let stages = schedule.stages.iter();
        let kernels =
            stages.flat_map(|stage| stage.kernels.iter().map(move |kernel| (stage, kernel)));
        let dispatches = kernels.map(|(stage, kernel)| {
            let flops = kernel.flops(program, &schedule.simplifications);
            let bytes = bytes(program, schedule, kernel);
            let work = kernels::work(program, &uses, &kernel.operations);
            let at_peak_s = (flops as f64 / peaks.flops).max(bytes as f64 / peaks.bytes_per_s);
            let modelled_s = machine.as_ref().map(|machine| {
                let behind_launch_s = machine.dispatch_s(work, stage.slices, bytes);
                peaks.launch_s + behind_launch_s.max(at_peak_s)
            });
            Counted {
                kernel: kernel.name(program),
                makes: kernel.makes(program).into(),
                workgroups: stage.slices,
                work,
                flops,
                bytes,
                at_best_s: peaks.launch_s + at_peak_s,
                modelled_s,
            }
        });
        let mut operations = program.operations.iter();
        Self {
            dispatches: dispatches.collect(),
            peaks,
            mode: program.mode,
            rounds: operations.any(|own| own.op.definition().is_rounding()),
        }
    }

    /// Seconds of the step at best.
    pub fn at_best_s(&self) -> f64 {
        self.dispatches.iter().map(|one| one.at_best_s).sum()
    }

    /// Seconds of the step by the model.
    pub fn modelled_s(&self) -> Option<f64> {
        self.dispatches.iter().map(|one| one.modelled_s).sum()
    }

    /// The share of the floating-point operations in dispatches of at least two workgroups for each of so many
    /// multiprocessors: with fewer, none computes while another waits.
    pub fn filled(&self, multiprocessors: usize) -> f64 {
        let flops = |fills: &dyn Fn(&Counted) -> bool| -> u64 {
            let dispatches = self.dispatches.iter().filter(|one| fills(one));
            dispatches.map(|one| one.flops).sum()
        };
        let all = flops(&|_| true);
        flops(&|one| one.workgroups >= 2 * multiprocessors) as f64 / (all as f64).max(1.0)
    }
}

/// What a kernel reads and writes of memory, each tensor once.
pub(crate) fn bytes(program: &Program, schedule: &Schedule, kernel: &Kernel) -> u64 {
    let stored: usize = kernel
        .accesses
        .iter()
        .filter_map(|access| {
            let bytes = live_bytes(
                program,
                kernel,
                access.tensor,
                schedule.buffer(access.tensor)?.bytes,
            );
            let is_update = access.write && program.tensor(access.tensor).role.is_persistent();
            Some(if is_update { 2 * bytes } else { bytes })
        })
        .sum();
    let operations = kernel.operations.iter().map(|id| program.operation(*id));
    let given: usize = operations
        .flat_map(|operation| &operation.inputs)
        .map(|id| program.tensor(*id))
        .filter(|tensor| matches!(tensor.role, Role::Input { .. }))
        .map(|tensor| tensor.elements())
        .sum();
    (stored + given) as u64
}

/// What of a tensor's bytes a kernel touches: of a filter, its gradient and its moments the live taps, where no
/// update moves the others too.
fn live_bytes(program: &Program, kernel: &Kernel, tensor: TensorId, bytes: usize) -> usize {
    if kernel.moves_without_gradient(program) {
        return bytes;
    }
    let filter = match program.tensor(tensor).role {
        Role::Moment { of, .. } | Role::Gradient { of } => of,
        _ => tensor,
    };
    if !matches!(program.tensor(filter).role, Role::Parameter(_)) {
        return bytes;
    }
    let mut operations = program.operations.iter();
    let reads_filter = |own: &&Operation| {
        let second = own.inputs.get(1);
        second.is_some_and(|id| program.unrounded(*id) == filter)
    };
    let reader = operations.find(reads_filter);
    match reader.and_then(|own| live_taps(own, program)) {
        Some(live) => bytes / (live.kernel[0] * live.kernel[1]) * live.count(),
        None => bytes,
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Peaks {
            flops,
            bytes_per_s,
            launch_s,
            multiprocessors,
        } = self.peaks;
        write!(
            f,
            "predicted, not measured, from {:.1} GFLOP/s, {:.1} GB/s, {:.1} µs a dispatch",
            flops / 1e9,
            bytes_per_s / 1e9,
            launch_s * 1e6
        )?;
        match multiprocessors {
            Some(count) => writeln!(f, " and {count} multiprocessors")?,
            None => writeln!(f)?,
        }
        writeln!(
            f,
            "  {:>10} {:>12} {:>12} {:>10} {:>11}  kernel, and what it makes",
            "workgroups", "FLOP", "bytes", "at best µs", "modelled µs"
        )?;
        for one in &self.dispatches {
            let modelled = one.modelled_s.map_or("-".into(), micros);
            writeln!(
                f,
                "  {:>10} {:>12} {:>12} {:>10} {modelled:>11}  {} → {}",
                one.workgroups,
                one.flops,
                one.bytes,
                micros(one.at_best_s),
                one.kernel,
                one.makes
            )?;
        }
        let all = &self.dispatches;
        writeln!(
            f,
            "{} step: {} dispatches, {} barriers, {:.3} MFLOP, {:.3} MB",
            match self.mode {
                Mode::Training => "a training",
                Mode::Evaluation => "an evaluation",
            },
            all.len(),
            all.len().saturating_sub(1),
            all.iter().map(|one| one.flops).sum::<u64>() as f64 / 1e6,
            all.iter().map(|one| one.bytes).sum::<u64>() as f64 / 1e6,
        )?;
        if self.rounds {
            writeln!(
                f,
                "  arithmetic is counted as in fp32: what bf16 and matrix units save of it is not modelled"
            )?;
        }
        writeln!(
            f,
            "  at best {:.3} ms: every kernel at the peak of arithmetic or memory",
            self.at_best_s() * 1e3
        )?;
        let (Some(modelled_s), Some(count)) = (self.modelled_s(), multiprocessors) else {
            return writeln!(
                f,
                "  no more is modelled: the number of multiprocessors is not known; --peaks states it"
            );
        };
        writeln!(
            f,
            "  modelled {:.3} ms: workgroups that wait for memory; a model fitted to one card (NVIDIA H200), on \
             any other it may be off by a factor of two\n  {:.0} % of the FLOP are in kernels of two workgroups \
             or more for each of the {count} multiprocessors",
            modelled_s * 1e3,
            100.0 * self.filled(count)
        )
    }
}

fn micros(seconds: f64) -> String {
    format!("{:.1}", seconds * 1e6)
}
