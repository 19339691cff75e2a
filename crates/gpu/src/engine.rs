//! Graphics adapters as an engine.

use laptime_engine::{
    Bandwidth, Device, DeviceKind, Engine, EngineError, Job, Passes, Peaks, Session,
};
use laptime_graph::TrainingStep;
use laptime_workload::{Precision, Workload};

use crate::{
    abilities::matrices,
    adapters::{adapters, find},
    context::Context,
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

    /// Whether a training with these passes would use matrix units of this device.
    pub fn would_use_matrix_units(device: &Device, workload: &Workload, passes: &Passes) -> bool {
        let target = |adapter: &wgpu::Adapter| Self::new().target(adapter, workload, passes);
        find(device).is_ok_and(|found| target(&found.adapter).matrices != Matrices::None)
    }

    /// Uses no more than this of an adapter's limits.
    pub const fn within(most: Target) -> Self {
        Self { most }
    }

    /// What a training uses at most, with the matrices that this adapter has.
    fn target(self, adapter: &wgpu::Adapter, workload: &Workload, passes: &Passes) -> Target {
        let matrices = matrices(adapter, self.most.matrices);
        let most = Target {
            matrices,
            ..self.most
        };
        most.for_training(workload, passes)
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
        _precision: Precision,
    ) -> Result<Option<Peaks>, EngineError> {
        let Probe { peaks, .. } = probe(device)?;
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
        let most = self.target(&found.adapter, &job.workload, &job.passes);
        let context = Context::open(&found, most)?;
        Ok(Box::new(GpuSession::new(job, &found.device, context)?))
    }
}

impl Target {
    /// The same without matrices, where a step of this training has no use for them or the passes leave them out.
    pub fn for_training(self, workload: &Workload, passes: &Passes) -> Self {
        let has_use = || {
            let step = TrainingStep::of(workload, workload.batch_size);
            step.programs()
                .any(|(program, _)| has_use_for(self.matrices, program))
        };
        let may = workload.precision == Precision::Bf16 && passes.has(MATRIX_UNITS);
        let is_used = may && self.matrices != Matrices::None && has_use();
        Self {
            matrices: if is_used {
                self.matrices
            } else {
                Matrices::None
            },
            ..self
        }
    }
}
