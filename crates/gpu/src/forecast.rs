//! What a step should take on an adapter of these peaks: planning by counting, where there is no
//! card to measure on. A prediction, never to be taken for a measurement.

use std::fmt;

use laptime_graph::{
    Program, Role, TensorId,
    schedule::{Kernel, Schedule},
};

use crate::{ops::live_taps, probe::Peaks};

/// A step, counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Its dispatches, in order.
    pub dispatches: Vec<Counted>,
    /// What it is predicted from.
    pub peaks: Peaks,
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
    /// Floating-point operations.
    pub flops: u64,
    /// What it reads and writes of memory, each tensor once.
    pub bytes: u64,
    /// Predicted seconds: the longer of arithmetic and memory, and the launch.
    pub predicted_s: f64,
}

impl Forecast {
    /// Counts a lowered step.
    pub fn of(program: &Program, schedule: &Schedule, peaks: Peaks) -> Self {
        let stages = schedule.stages.iter();
        let kernels =
            stages.flat_map(|stage| stage.kernels.iter().map(move |kernel| (stage, kernel)));
        let dispatches = kernels.map(|(stage, kernel)| {
            let flops = kernel.flops(program, &schedule.simplifications);
            let bytes = bytes(program, schedule, kernel);
            let work_s = (flops as f64 / peaks.flops).max(bytes as f64 / peaks.bytes_per_s);
            Counted {
                kernel: kernel.name(program),
                makes: kernel.makes(program).into(),
                workgroups: stage.slices,
                flops,
                bytes,
                predicted_s: work_s + peaks.launch_s,
            }
        });
        Self {
            dispatches: dispatches.collect(),
            peaks,
        }
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
    let reader = operations.find(|own| own.inputs.get(1) == Some(&filter));
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
        } = self.peaks;
        writeln!(
            f,
            "predicted, not measured, from {:.1} GFLOP/s, {:.1} GB/s and {:.1} µs a dispatch",
            flops / 1e9,
            bytes_per_s / 1e9,
            launch_s * 1e6
        )?;
        writeln!(
            f,
            "  {:>10} {:>12} {:>12} {:>12}  kernel, and what it makes",
            "workgroups", "FLOP", "bytes", "predicted µs"
        )?;
        for one in &self.dispatches {
            writeln!(
                f,
                "  {:>10} {:>12} {:>12} {:>12.1}  {} → {}",
                one.workgroups,
                one.flops,
                one.bytes,
                one.predicted_s * 1e6,
                one.kernel,
                one.makes
            )?;
        }
        let all = &self.dispatches;
        writeln!(
            f,
            "a step: {} dispatches, {} barriers, {:.3} MFLOP, {:.3} MB, predicted {:.3} ms",
            all.len(),
            all.len().saturating_sub(1),
            all.iter().map(|one| one.flops).sum::<u64>() as f64 / 1e6,
            all.iter().map(|one| one.bytes).sum::<u64>() as f64 / 1e6,
            all.iter().map(|one| one.predicted_s).sum::<f64>() * 1e3,
        )
    }
}
