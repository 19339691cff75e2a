//! The engines that the command line can name.

use std::{num::NonZero, thread::available_parallelism};

use laptime_cpu::CpuEngine;
use laptime_engine::{Device, DeviceKind, Engine, EngineError, Job, Peaks, Session};
use laptime_gpu::GpuEngine;
use laptime_peers::PeerEngine;
use laptime_workload::{Foreign, Precision, advice};

use crate::failure::Failure;

/// All engines.
static ENGINES: &[&(dyn Engine + Sync)] = &[
    &OwnEngine,
    &PYTORCH,
    &TENSORFLOW,
    &TENSORFLOW_AS_PUBLISHED,
    &JAX,
    &MLX,
];

/// Our own compilers as one engine: a device's kind says which of them.
pub struct OwnEngine;

const GPU: GpuEngine = GpuEngine::new();

impl OwnEngine {
    /// Its name on the command line.
    pub const NAME: &str = "laptime";
}

impl Engine for OwnEngine {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn version(&self) -> String {
        CpuEngine.version()
    }

    fn devices(&self) -> Result<Vec<Device>, EngineError> {
        Ok([CpuEngine.devices()?, GPU.devices()?].concat())
    }

    fn devices_of(&self, kind: DeviceKind) -> Result<Vec<Device>, EngineError> {
        match kind {
            DeviceKind::Cpu => CpuEngine.devices(),
            DeviceKind::Gpu => GPU.devices(),
        }
    }

    fn peaks(
        &self,
        device: &Device,
        threads: usize,
        precision: Precision,
    ) -> Result<Option<Peaks>, EngineError> {
        match device.kind {
            DeviceKind::Cpu => CpuEngine.peaks(device, threads, precision),
            DeviceKind::Gpu => GPU.peaks(device, threads, precision),
        }
    }

    fn compile(&self, job: &Job, device: &Device) -> Result<Box<dyn Session>, EngineError> {
        match device.kind {
            DeviceKind::Cpu => {
                let compiled = CpuEngine.compile(job, device);
                compiled.map_err(|error| of_threads(error, job.threads))
            }
            DeviceKind::Gpu => GPU.compile(job, device),
        }
    }
}

/// All that fails where the CPU's engine compiles is to start its threads, and fewer can be asked for.
fn of_threads(error: EngineError, threads: usize) -> EngineError {
    match error {
        EngineError::Failed(what) => EngineError::Unsupported(format!(
            "--threads {threads}: {what}; ask for fewer, or have the limits of this process raised"
        )),
        other => other,
    }
}

static JAX: PeerEngine = PeerEngine::new(&laptime_peers::JAX);
static TENSORFLOW: PeerEngine = PeerEngine::new(&laptime_peers::TENSORFLOW);
static TENSORFLOW_AS_PUBLISHED: PeerEngine =
    PeerEngine::new(&laptime_peers::TENSORFLOW_AS_PUBLISHED);
static MLX: PeerEngine = PeerEngine::new(&laptime_peers::MLX);
static PYTORCH: PeerEngine = PeerEngine::new(&laptime_peers::PYTORCH);

/// What else engines are called.
const NAMES_OF_OTHERS: Foreign = Foreign {
    renamed: &[
        (&["torch"], &["pytorch"]),
        (&["tf", "keras"], &["tensorflow"]),
    ],
    instead: &[(
        &["cpu", "gpu", "cuda", "metal", "vulkan"],
        "that is a device: give --device cpu or --device gpu",
    )],
    absent: &["tinygrad", "burn", "candle", "mxnet", "paddle", "theano"],
};

/// The engine of this name, which stands in this option of the command line.
pub fn find(option: &str, name: &str) -> Result<&'static dyn Engine, Failure> {
    let found = ENGINES.iter().find(|engine| engine.name() == name);
    found.map(|engine| *engine as &dyn Engine).ok_or_else(|| {
        let names: Vec<&str> = ENGINES.iter().map(|engine| engine.name()).collect();
        Failure::Usage(format!(
            "{option} {name}: there is no such engine; {}",
            advice(name, &names, &NAMES_OF_OTHERS)
        ))
    })
}

/// The threads of a CPU engine where the command line states none: what this process may use,
/// containers' limits included.
pub fn default_threads() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}
