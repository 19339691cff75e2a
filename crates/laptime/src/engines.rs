//! The engines that the command line can name, and the choice of a device.

use std::{num::NonZero, thread::available_parallelism};

use laptime_cpu::CpuEngine;
use laptime_engine::{Device, DeviceKind, Engine};
use laptime_peers::PeerEngine;

use crate::{args::DeviceArg, failure::Failure};

/// All engines.
static ENGINES: &[&(dyn Engine + Sync)] = &[
    &CpuEngine,
    &PYTORCH,
    &TENSORFLOW,
    &TENSORFLOW_AS_PUBLISHED,
    &JAX,
    &MLX,
];

static JAX: PeerEngine = PeerEngine::new(&laptime_peers::JAX);
static TENSORFLOW: PeerEngine = PeerEngine::new(&laptime_peers::TENSORFLOW);
static TENSORFLOW_AS_PUBLISHED: PeerEngine =
    PeerEngine::new(&laptime_peers::TENSORFLOW_AS_PUBLISHED);
static MLX: PeerEngine = PeerEngine::new(&laptime_peers::MLX);
static PYTORCH: PeerEngine = PeerEngine::new(&laptime_peers::PYTORCH);

/// The engine of this name, which stands in this option of the command line.
pub fn find(option: &str, name: &str) -> Result<&'static dyn Engine, Failure> {
    let found = ENGINES.iter().find(|engine| engine.name() == name);
    found.map(|engine| *engine as &dyn Engine).ok_or_else(|| {
        let names: Vec<&str> = ENGINES.iter().map(|engine| engine.name()).collect();
        Failure::Usage(format!(
            "{option} {name}: there is no such engine; known: {}",
            names.join(", ")
        ))
    })
}

/// The device of the engine that the command line asks for. A processor that the engine does not
/// name gets the name `cpu`.
pub fn device(engine: &dyn Engine, wanted: DeviceArg, cpu: &str) -> Result<Device, Failure> {
    let fits = |device: &Device| match wanted {
        DeviceArg::Auto => true,
        DeviceArg::Cpu => device.kind == DeviceKind::Cpu,
    };
    let devices = engine.devices()?;
    let Some(mut device) = devices.into_iter().find(fits) else {
        return Err(Failure::Usage(format!(
            "--device: the engine {} has no such device here; try --device auto",
            engine.name()
        )));
    };
    if device.kind == DeviceKind::Cpu && device.name.is_empty() {
        device.name = cpu.to_owned();
    }
    Ok(device)
}

/// The threads of a CPU engine where the command line states none: what this process may use,
/// containers' limits included.
pub fn default_threads() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}
