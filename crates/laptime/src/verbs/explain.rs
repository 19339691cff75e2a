//! `laptime explain`: the Programs of a workload and the Schedules they are lowered to.

mod published;

use laptime_cpu::{Isa, lower as lower_for_cpu};
use laptime_engine::Passes;
use laptime_gpu::{Forecast, Peaks, Probe, lower as lower_for_gpu, probe};
use laptime_graph::{
    Mode, Program, TrainingStep, build,
    schedule::{Balance, Core, Explained, Schedule},
};
use laptime_workload::Workload;

use crate::{
    args::{DeviceArg, ExplainArgs, PeaksArg},
    device_choice::{adapters, looked_for, there_are},
    engines::default_threads,
    failure::Failure,
    output,
    passes::passes,
    workload_choice::WorkloadChoice,
};

/// Prints the Program and the Schedule of a training step (of several micro-batches, of one that adds up gradients and
/// of the last), then those of an evaluation step.
pub fn explain(args: ExplainArgs) -> Result<(), Failure> {
    let workload = WorkloadChoice::resolve(&args.workload)?.workload;
    let passes = passes(&args.passes.passes, args.device)?;
    if args.threads.is_some() && matches!(args.device, DeviceArg::Gpu(_)) {
        return Err(Failure::Usage(
            "--threads is about CPU threads; leave out --device gpu".into(),
        ));
    }
    if args.peaks.is_some() && !matches!(args.device, DeviceArg::Gpu(_)) {
        return Err(Failure::Usage(
            "--peaks is about GPUs; add --device gpu".into(),
        ));
    }
    let target = Target::of(args.device, args.peaks)?.for_training(&workload, &passes);
    let threads = match args.threads {
        Some(threads) => threads.into(),
        None => default_threads(),
    };
    let mut text = String::new();
    let TrainingStep {
        accumulating, last, ..
    } = TrainingStep::of(&workload, workload.batch_size);
    let accumulating = accumulating.map(|(program, _)| program);
    let evaluation = build(&workload, Mode::Evaluation, workload.rows_at_once());
    for program in accumulating.into_iter().chain([last, evaluation]) {
        let schedule = target.lower(&program, &passes, threads)?;
        let explained = Explained::new(&program, &schedule);
        if !text.is_empty() {
            text.push('\n');
        }
        text += &format!("{program}\n{explained}");
        if let Target::Gpu { peaks, on, .. } = &target {
            let forecast = Forecast::of(&program, &schedule, *peaks);
            text += &format!("forecast for {on}: {forecast}");
        }
        if let (Some(threads), Mode::Training) = (args.threads, program.mode) {
            text += &balance(threads.into(), |threads| {
                let schedule = target.lower(&program, &passes, threads)?;
                Ok(Balance::of(&program, &schedule, Core::ASSUMED, threads))
            })?;
        }
    }
    if matches!(target, Target::Gpu { .. }) {
        text += &published::beside(&workload);
    }
    output::print_wrapped(&text)
}

/// How a step spreads over so many threads, and its efficiency with other numbers of them.
fn balance(
    threads: usize,
    of: impl Fn(usize) -> Result<Balance, Failure>,
) -> Result<String, Failure> {
    let alone = of(1)?;
    let mut text = of(threads)?.beside(&alone).to_string();
    for threads in [2, 4, 8, 16, 32, 64, 128] {
        let efficiency = 100.0 * of(threads)?.beside(&alone).efficiency();
        text += &format!("  on {threads:>3} threads {efficiency:>5.1} %\n");
    }
    Ok(text)
}

/// What is lowered for.
enum Target {
    Cpu(Isa),
    /// An adapter, with the peaks that a step is predicted from, and whose they are.
    Gpu {
        target: laptime_gpu::Target,
        peaks: Peaks,
        on: String,
    },
}

impl Target {
    fn of(device: DeviceArg, peaks: Option<PeaksArg>) -> Result<Self, Failure> {
        let DeviceArg::Gpu(number) = device else {
            return Ok(Self::Cpu(Isa::chosen().map_err(Failure::Usage)?));
        };
        if let Some(PeaksArg { name, peaks }) = peaks {
            return Ok(Self::Gpu {
                target: laptime_gpu::Target::CARD,
                peaks,
                on: format!("{name}, which need not be here"),
            });
        }
        let adapters = adapters()?;
        match (adapters.get(number.unwrap_or(0)), number) {
            (Some(adapter), _) => {
                let Probe { target, peaks, .. } = probe(adapter)?;
                Ok(Self::Gpu {
                    target,
                    peaks,
                    on: adapter.name.clone(),
                })
            }
            (None, None) => {
                output::warning(&format!(
                    "no graphics adapter was found; looked for {}. The forecast is for an assumed card; --peaks names a \
                     real one",
                    looked_for()
                ));
                Ok(Self::Gpu {
                    target: laptime_gpu::Target::COMMON,
                    peaks: Peaks::ASSUMED,
                    on: "an assumed card, as there is no adapter here".into(),
                })
            }
            (None, Some(number)) => Err(Failure::Usage(format!(
                "--device gpu:{number}: {}",
                match adapters.len() {
                    0 => format!("no graphics adapter was found; looked for {}", looked_for()),
                    count => format!("there is none; {}", there_are(count)),
                }
            ))),
        }
    }

    fn for_training(self, workload: &Workload, passes: &Passes) -> Self {
        match self {
            Self::Cpu(isa) => Self::Cpu(isa),
            Self::Gpu { target, peaks, on } => Self::Gpu {
                target: target.for_training(workload, passes),
                peaks,
                on,
            },
        }
    }

    fn lower(
        &self,
        program: &Program,
        passes: &Passes,
        threads: usize,
    ) -> Result<Schedule, Failure> {
        match self {
            Self::Cpu(isa) => Ok(lower_for_cpu(
                program,
                laptime_cpu::Target { isa: *isa, threads },
                passes,
            )),
            Self::Gpu { target, .. } => {
                lower_for_gpu(program, *target, passes).map_err(Failure::Usage)
            }
        }
    }
}
