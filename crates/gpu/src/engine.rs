//! Graphics adapters as an engine.

use laptime_engine::{Bandwidth, Device, DeviceKind, Engine, EngineError, Job, Peaks, Session};
use laptime_graph::TrainingStep;
use laptime_workload::{Precision, Workload};

use crate::{
    adapters::{adapters, find},
    context::{Context, matrices},
    lower::MATRIX_UNITS,
    ops::product::has_use_for,
    probe::{Probe, probe},
    session::GpuSession,
    target::{Matrices, Target},
};

/// Our own compiler for graphics adapters.
#[derive(Debug, Clone, Copy)]
pub struct GpuEngine {
    /// The most of an adapter's limits that is used; tests ask for tiny ones.
    most: Target,
}

impl GpuEngine {
    /// Uses what an adapter has.
    pub const fn new() -> Self {
        Self::within(Target::MOST)
    }

    /// Whether a device has matrix units that a training would use.
    pub fn has_matrix_units_for(device: &Device, workload: &Workload) -> bool {
        find(device).is_ok_and(|found| has_use(workload, matrices(&found.adapter)))
    }

    /// Uses no more than this of an adapter's limits.
    pub const fn within(most: Target) -> Self {
        Self { most }
    }
}

impl Default for GpuEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine for GpuEngine {
    fn name(&self) -> &'static str {
        "laptime"
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").into()
    }

    fn devices(&self) -> Result<Vec<Device>, EngineError> {
        Ok(adapters().into_iter().map(|found| found.device).collect())
    }

    fn peaks(
        &self,
        device: &Device,
        _threads: usize,
        precision: Precision,
    ) -> Result<Option<Peaks>, EngineError> {
        let Probe { peaks, target, .. } = probe(device)?;
        // What matrix units reach is not measured; all else multiplies in single precision.
        if precision == Precision::Bf16 && target.matrices != Matrices::None {
            return Ok(None);
        }
        Ok(Some(Peaks {
            flops: peaks.flops,
            bandwidths: vec![Bandwidth {
                bytes: u64::MAX,
                bytes_per_s: peaks.bytes_per_s,
            }],
        }))
    }

    fn compile(&self, job: &Job, device: &Device) -> Result<Box<dyn Session>, EngineError> {
        if device.kind != DeviceKind::Gpu {
            let what = format!("{} is no graphics adapter", device.name);
            return Err(EngineError::Unsupported(what));
        }
        let found = find(device)?;
        let matrices = match self.most.matrices {
            Matrices::Cooperative { .. } => matrices(&found.adapter),
            other => other,
        };
        let matrices = match job.passes.has(MATRIX_UNITS) && has_use(&job.workload, matrices) {
            true => matrices,
            false => Matrices::None,
        };
        let most = Target {
            matrices,
            ..self.most
        };
        let context = Context::open(&found, most)?;
        Ok(Box::new(GpuSession::new(job, &found.device, context)?))
    }
}

/// Whether a step has a use for these matrices.
fn has_use(workload: &Workload, matrices: Matrices) -> bool {
    let program = || TrainingStep::of(workload, workload.batch_size).last;
    workload.precision == Precision::Bf16 && has_use_for(matrices, &program())
}
