//! The CPU as an engine.

use laptime_engine::{Device, DeviceKind, Engine, EngineError, Job, Peaks, Session};
use laptime_graph::{Mode, build};
use laptime_workload::Precision;

use crate::{ops::check_reach, peak, session::CpuSession, simd::Isa, threads::Kept};

/// Our own compiler for CPU threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct CpuEngine;

impl CpuEngine {
    /// As [`Engine::compile`], with threads that stay within these processors, by their numbers, while they train. They
    /// are free where these are none, or fewer than the threads, or all that there are; the session's details say.
    ///
    /// # Errors
    /// As those of `compile`.
    pub fn compile_within(
        &self,
        processors: &[usize],
        job: &Job,
        device: &Device,
    ) -> Result<Box<dyn Session>, EngineError> {
        let isa = isa_of(device)?;
        if job.threads == 0 {
            let what = "--threads is 0: it takes at least 1".into();
            return Err(EngineError::Unsupported(what));
        }
        let program = build(&job.workload, Mode::Training, job.workload.rows_at_once());
        check_reach(&program).map_err(EngineError::Unsupported)?;
        let device = Device {
            threads: Some(job.threads),
            isa: Some(isa.as_str().into()),
            ..device.clone()
        };
        Ok(Box::new(CpuSession::new(job, &device, isa, processors)?))
    }

    /// As [`Engine::peaks`], of threads that stay as those of a session do.
    ///
    /// # Errors
    /// As those of `peaks`.
    pub fn peaks_within(
        &self,
        processors: &[usize],
        device: &Device,
        threads: usize,
        precision: Precision,
    ) -> Result<Option<Peaks>, EngineError> {
        let _kept = Kept::within(processors, threads);
        Ok(Some(peak::peaks(isa_of(device)?, threads, precision)))
    }
}

impl Engine for CpuEngine {
    fn name(&self) -> &'static str {
        "laptime"
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").into()
    }

    fn devices(&self) -> Result<Vec<Device>, EngineError> {
        let isa = Isa::chosen().map_err(EngineError::Unsupported)?;
        Ok(vec![Device {
            kind: DeviceKind::Cpu,
            name: String::new(),
            threads: std::thread::available_parallelism().ok().map(usize::from),
            isa: Some(isa.as_str().into()),
            driver: None,
            software: false,
        }])
    }

    fn peaks(
        &self,
        device: &Device,
        threads: usize,
        precision: Precision,
    ) -> Result<Option<Peaks>, EngineError> {
        self.peaks_within(&[], device, threads, precision)
    }

    fn compile(&self, job: &Job, device: &Device) -> Result<Box<dyn Session>, EngineError> {
        self.compile_within(&[], job, device)
    }
}

/// The instruction set that a device names, if this processor has it.
fn isa_of(device: &Device) -> Result<Isa, EngineError> {
    let Some(name) = device.isa.as_deref() else {
        return Isa::chosen().map_err(EngineError::Unsupported);
    };
    Isa::named(name).map_err(|what| EngineError::Unsupported(format!("the device {what}")))
}
