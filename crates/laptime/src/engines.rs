//! The engines that the command line can name.

use std::{
    num::NonZero,
    path::{MAIN_SEPARATOR, Path},
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    thread::available_parallelism,
};

use laptime_cpu::CpuEngine;
use laptime_engine::{Device, DeviceKind, Engine, EngineError, Job, Peaks, Session};
use laptime_gpu::GpuEngine;
use laptime_measure::{Places, telemetry::places_of_this_process};
use laptime_peers::{PeerEngine, ProgramEngine};
use laptime_workload::{Foreign, Precision, Shown, advice};

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

/// Where threads of ours can be. Looked at once.
static PLACES: LazyLock<Places> = LazyLock::new(places_of_this_process);

/// Looks where threads can be, which is not to be timed with a training.
pub fn know_places() {
    LazyLock::force(&PLACES);
}

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
            DeviceKind::Cpu => {
                CpuEngine.peaks_within(&PLACES.within(threads), device, threads, precision)
            }
            DeviceKind::Gpu => GPU.peaks(device, threads, precision),
        }
    }

    fn compile(&self, job: &Job, device: &Device) -> Result<Box<dyn Session>, EngineError> {
        match device.kind {
            DeviceKind::Cpu => {
                let processors = PLACES.within(job.threads);
                let compiled = CpuEngine.compile_within(&processors, job, device);
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

/// The programs that the command line has named: each is one engine, however often it is looked for.
static PROGRAMS: Mutex<Vec<&'static ProgramEngine>> = Mutex::new(Vec::new());

fn programs() -> MutexGuard<'static, Vec<&'static ProgramEngine>> {
    PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The engine of a program: the same for the same file.
pub fn program(option: &str, path: &str) -> Result<&'static ProgramEngine, Failure> {
    let wrong = |what: &str| {
        let path = Shown(Path::new(path));
        Failure::Usage(format!("{option} {path}: {what}"))
    };
    if !is_program(path) {
        return Err(wrong(&format!(
            "programs are not looked for in PATH; give a path, such as .{MAIN_SEPARATOR}{path}"
        )));
    }
    let made = ProgramEngine::new(Path::new(path)).map_err(|what| wrong(&what))?;
    if ENGINES.iter().any(|engine| engine.name() == made.name()) {
        return Err(wrong(
            "this program has the name of an engine that laptime has itself; rename it",
        ));
    }
    let mut programs = programs();
    let known = programs.iter().find(|known| known.path() == made.path());
    Ok(match known {
        Some(known) => known,
        None => {
            programs.push(Box::leak(Box::new(made)));
            programs[programs.len() - 1]
        }
    })
}

/// Whether a name on the command line is a path. A name alone is never one, so no program is started that
/// happens to lie somewhere.
fn is_program(name: &str) -> bool {
    name.contains(std::path::is_separator)
}

/// How another process of laptime finds an engine: by its name, or a program by its path.
pub fn address(engine: &dyn Engine) -> String {
    let programs = programs();
    let program = programs.iter().find(|known| known.name() == engine.name());
    match program {
        Some(program) => program.path().to_string_lossy().into_owned(),
        None => engine.name().to_owned(),
    }
}

/// Whether an engine is a program of the user's own, which may change from one run to the next.
pub fn is_own_program(engine: &dyn Engine) -> bool {
    programs().iter().any(|known| known.name() == engine.name())
}

/// The engine of this name, which stands in this option of the command line.
pub fn find(option: &str, name: &str) -> Result<&'static dyn Engine, Failure> {
    if is_program(name) {
        return Ok(program(option, name)?);
    }
    let found = ENGINES.iter().find(|engine| engine.name() == name);
    found.map(|engine| *engine as &dyn Engine).ok_or_else(|| {
        let names: Vec<&str> = ENGINES.iter().map(|engine| engine.name()).collect();
        Failure::Usage(format!(
            "{option} {name}: there is no such engine; {}{}",
            advice(name, &names, &NAMES_OF_OTHERS),
            match Path::new(name).is_file() {
                true => format!("; the program of this name here is .{MAIN_SEPARATOR}{name}"),
                false => String::new(),
            },
        ))
    })
}

/// The threads of a CPU engine where the command line states none: what this process may use,
/// containers' limits included.
pub fn default_threads() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}
