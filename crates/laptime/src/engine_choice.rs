//! The engine that the command line names, and its device.

use laptime_engine::{Device, Engine, Passes};
use laptime_measure::Machine;
use laptime_results::{DeviceTrial, number::counted};

use crate::{
    args::{EngineArgs, EngineSettings, PassesArgs},
    device_choice::{Wish, choose},
    engines,
    failure::Failure,
    passes::passes,
    workload_choice::WorkloadChoice,
};

/// What trains, and how.
pub struct EngineChoice {
    /// The engine.
    pub engine: &'static dyn Engine,
    /// The machine it runs on.
    pub machine: Machine,
    /// The device of the machine.
    pub device: Device,
    /// Threads of a CPU.
    pub threads: usize,
    /// The optional passes of the compiler.
    pub passes: Passes,
    /// Why this device, where there was a choice.
    pub why: Option<String>,
    /// What the user would not expect of the device.
    pub warning: Option<String>,
    /// What a record should say of the choice, where there was one.
    pub trial: Option<DeviceTrial>,
}

impl EngineChoice {
    /// Finds the engine and its device.
    pub fn resolve(
        args: EngineArgs,
        passes: &PassesArgs,
        workload: &WorkloadChoice,
    ) -> Result<Self, Failure> {
        let engine = match (args.as_published, args.engine.as_str()) {
            (false, name) => engines::find("--engine", name)?,
            (true, "tensorflow") => engines::find("--engine", "tensorflow-as-published")?,
            (true, name) => {
                return Err(Failure::Usage(format!(
                    "--engine {name} --as-published: only tensorflow has been published with; leave \
                     --as-published out, or give --engine tensorflow"
                )));
            }
        };
        Self::of(
            engine,
            &args.settings,
            passes,
            &Machine::identify(),
            workload,
        )
    }

    /// The engine of the arguments, found already, on a device of the machine.
    pub fn of(
        engine: &'static dyn Engine,
        settings: &EngineSettings,
        asked: &PassesArgs,
        machine: &Machine,
        workload: &WorkloadChoice,
    ) -> Result<Self, Failure> {
        let wish = Wish {
            device: settings.device,
            cpu: &machine.cpu,
            workload: &workload.workload,
            threads: threads(settings),
            passes: &passes(&asked.passes, settings.device)?,
        };
        let chosen = choose(engine, &wish)?;
        let there_are = engines::default_threads();
        let too_many = (wish.threads > there_are).then(|| {
            format!(
                "--threads {}: this process may use {}; threads that share one wait for each other",
                wish.threads,
                counted(there_are as u64, "processor")
            )
        });
        Ok(Self {
            engine,
            machine: machine.clone(),
            device: chosen.device,
            threads: threads(settings),
            passes: passes(&asked.passes, chosen.argument)?,
            why: chosen.why,
            warning: chosen.warning.or(too_many),
            trial: chosen.trial,
        })
    }
}

/// The threads that the command line states, or all that there are.
pub fn threads(settings: &EngineSettings) -> usize {
    settings
        .threads
        .map_or_else(engines::default_threads, Into::into)
}
