//! The engine that the command line names, and its device.

use laptime_engine::{Device, DeviceKind, Engine, Passes, gate::Verdict};
use laptime_measure::Machine;
use laptime_results::{DeviceTrial, number::counted};
use laptime_workload::directories::cache_dir;

use crate::{
    args::{EngineArgs, EngineSettings, PassesArgs},
    device_choice::{Wish, choose},
    engines::{self, OwnEngine},
    failure::Failure,
    idle_threads::idle,
    matrix_units, output,
    passes::{names_matrix_units, passes},
    thread_choice::{self, Cores, ThreadChoice},
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
    /// Whether a trial has chosen a GPU's matrix units.
    on_matrix_units: bool,
    /// Why this device, so many threads, and matrix units or not, where there was a choice.
    pub why: Vec<String>,
    /// What the user would not expect of the device.
    pub warning: Option<String>,
    /// What a record should say of the choice, where there was one.
    pub trial: Option<DeviceTrial>,
    /// The same of the number of threads.
    pub thread_trial: Option<DeviceTrial>,
}

/// How many threads there are where the command line does not state it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UnstatedThreads {
    /// The fastest number for the workload.
    Fastest,
    /// All: what is best for one of several workloads says nothing of the others.
    All,
}

impl EngineChoice {
    /// Finds the engine and its device.
    pub fn resolve(
        args: EngineArgs,
        passes: &PassesArgs,
        workload: &WorkloadChoice,
        unstated: UnstatedThreads,
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
            unstated,
        )
    }

    /// The engine of the arguments, found already, on a device of the machine.
    pub fn of(
        engine: &'static dyn Engine,
        settings: &EngineSettings,
        asked: &PassesArgs,
        machine: &Machine,
        workload: &WorkloadChoice,
        unstated: UnstatedThreads,
    ) -> Result<Self, Failure> {
        engines::know_places();
        let wish = Wish {
            device: settings.device,
            cpu: &machine.cpu,
            workload: &workload.workload,
            threads: threads(settings),
            passes: &passes(&asked.passes, settings.device)?,
        };
        let chosen = choose(engine, &wish)?;
        let there_are = engines::default_threads();
        let is_ours = engine.name() == OwnEngine::NAME && chosen.device.kind == DeviceKind::Cpu;
        let threads = match settings.threads {
            None if is_ours && there_are > 1 && unstated == UnstatedThreads::Fastest => {
                let cache = cache_dir().ok();
                let cores = &Cores::of(machine, there_are);
                thread_choice::fastest(engine, &wish, &chosen.device, cores, cache.as_deref())?
            }
            _ => ThreadChoice::plain(wish.threads),
        };
        let too_many = if wish.threads > there_are {
            Some(format!(
                "--threads {}: this process may use {}; threads that share one wait for each other",
                wish.threads,
                counted(there_are as u64, "processor")
            ))
        } else if settings.threads.is_some() && is_ours {
            idle(&wish, &chosen.device)?
        } else {
            None
        };
        let mut choice = Self {
            engine,
            machine: machine.clone(),
            device: chosen.device,
            threads: threads.threads,
            passes: passes(&asked.passes, chosen.argument)?,
            on_matrix_units: false,
            why: chosen.why.into_iter().chain(threads.why).collect(),
            warning: chosen.warning.or(too_many),
            trial: chosen.trial,
            thread_trial: threads.trial,
        };
        // Of several workloads the caller knows which to try.
        if unstated == UnstatedThreads::Fastest {
            choice.try_matrix_units(asked, workload);
        }
        Ok(choice)
    }

    /// Decides on a GPU's matrix units by a trial of this workload, where the command line leaves them open.
    pub fn try_matrix_units(&mut self, asked: &PassesArgs, workload: &WorkloadChoice) {
        let is_left_open = !names_matrix_units(&asked.passes);
        if self.engine.name() != OwnEngine::NAME || !is_left_open {
            return;
        }
        let cache = cache_dir().ok();
        let (workload, device) = (&workload.workload, &self.device);
        if let Some(chosen) = matrix_units::choose(workload, &self.passes, device, cache.as_deref())
        {
            self.on_matrix_units = chosen.passes == self.passes;
            self.passes = chosen.passes;
            self.why.push(chosen.why);
        }
    }

    /// Tells the user how to go on where the gate does not verify what a trial has chosen.
    pub fn advise_on(&self, verdict: &Verdict) {
        if self.on_matrix_units && !verdict.is_verified() {
            output::warning(
                "products were made on matrix units; try again with --passes no-matrix-units",
            );
        }
    }
}

/// The threads that the command line states, or the most that there can be.
pub fn threads(settings: &EngineSettings) -> usize {
    settings
        .threads
        .map_or_else(engines::default_threads, Into::into)
}
