//! `laptime explain`: the Programs of a workload and the Schedules they are lowered to.

use laptime_cpu::{Isa, lower as lower_for_cpu};
use laptime_engine::{DeviceKind, Engine, Passes};
use laptime_gpu::{Forecast, Peaks, lower as lower_for_gpu, probe};
use laptime_graph::{
    Mode, Program, build,
    schedule::{Explained, Schedule},
};

use crate::{
    args::{DeviceArg, ExplainArgs},
    engines::OwnEngine,
    failure::Failure,
    options::{WorkloadChoice, passes},
    output,
};

/// Prints the Program and the Schedule of a training step, then those of an evaluation step.
pub fn explain(args: ExplainArgs) -> Result<(), Failure> {
    let workload = WorkloadChoice::resolve(&args.workload)?.workload;
    let passes = passes(&args.passes)?;
    let target = Target::of(args.device)?;
    let mut text = String::new();
    for mode in [Mode::Training, Mode::Evaluation] {
        let program = build(&workload, mode, workload.batch_size);
        let schedule = target.lower(&program, &passes)?;
        let explained = Explained {
            program: &program,
            schedule: &schedule,
        };
        if !text.is_empty() {
            text.push('\n');
        }
        text += &format!("{program}\n{explained}");
        if let Target::Gpu { peaks, on } = &target {
            let forecast = Forecast::of(&program, &schedule, *peaks);
            text += &format!("forecast for {on}: {forecast}");
        }
    }
    output::print(&text)
}

/// What is lowered for.
enum Target {
    Cpu(Isa),
    /// An adapter of common limits, with the peaks that a step is predicted from, and whose they are.
    Gpu {
        peaks: Peaks,
        on: String,
    },
}

impl Target {
    fn of(device: DeviceArg) -> Result<Self, Failure> {
        let DeviceArg::Gpu(number) = device else {
            return Ok(Self::Cpu(Isa::chosen().map_err(Failure::Usage)?));
        };
        let adapters = OwnEngine.devices_of(DeviceKind::Gpu)?;
        match (adapters.get(number.unwrap_or(0)), number) {
            (Some(adapter), _) => Ok(Self::Gpu {
                peaks: probe(adapter)?.peaks,
                on: adapter.name.clone(),
            }),
            (None, None) => Ok(Self::Gpu {
                peaks: Peaks::ASSUMED,
                on: "an assumed card, as there is no adapter here".into(),
            }),
            (None, Some(number)) => Err(Failure::Usage(format!(
                "--device gpu:{number}: there are only {}, counted from 0; `laptime devices` lists \
                 them",
                adapters.len()
            ))),
        }
    }

    fn lower(&self, program: &Program, passes: &Passes) -> Result<Schedule, Failure> {
        match self {
            Self::Cpu(isa) => Ok(lower_for_cpu(
                program,
                laptime_cpu::Target { isa: *isa },
                passes,
            )),
            Self::Gpu { .. } => {
                lower_for_gpu(program, laptime_gpu::Target::COMMON, passes).map_err(Failure::Usage)
            }
        }
    }
}
