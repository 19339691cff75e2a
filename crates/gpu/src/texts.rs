//! The kernels of a Program as text, for whoever wants to look at them without a GPU.

use laptime_engine::Passes;
use laptime_graph::{Program, Uses};
use laptime_workload::dataset::Dtype;

use crate::{kernels::dispatch, lower::lower, shader::SampleChunks, target::Target};

/// A kernel as text.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelText {
    /// The operations in it, and what it makes.
    pub name: String,
    /// WGSL, with one entry point, `main`. Group 0 has a uniform of the step, group 1 storage buffers.
    pub wgsl: String,
    /// Workgroups along each dimension.
    pub workgroups: [u32; 3],
}

/// The kernels of a step on so many samples of bytes, one for each dispatch in its order.
///
/// # Errors
/// Where a tensor does not fit into the target's limits, in words.
pub fn texts(
    program: &Program,
    target: Target,
    passes: &Passes,
    samples: usize,
) -> Result<Vec<KernelText>, String> {
    let schedule = lower(program, target, passes)?;
    let uses = Uses::of(program);
    let samples = SampleChunks {
        samples,
        chunks: 1,
        stored: Dtype::U8,
        augmented: None,
    };
    let kernels = schedule.stages.iter().flat_map(|stage| &stage.kernels);
    let texts = kernels.map(|kernel| {
        let dispatch = dispatch((program, &uses), &schedule, kernel, samples, target);
        KernelText {
            name: kernel.name(program),
            wgsl: dispatch.wgsl,
            workgroups: dispatch.workgroups,
        }
    });
    Ok(texts.collect())
}
