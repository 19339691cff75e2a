//! `laptime sweep`: what a step costs with many batch sizes, widths or numbers of threads, and what stays
//! of it.

use std::sync::Arc;

use laptime_engine::Job;
use laptime_measure::telemetry::Telemetry;
use laptime_results::{
    GateVerdict, Record, new_id, render_sweep,
    sweep::{Axis, Point, Sweep, SweepSchema, json},
};
use laptime_workload::{Overrides, dataset::Dataset};

use crate::{
    args::{DeviceArg, SweepArgs, Threads, WorkloadArgs},
    display::Line,
    engine_choice::{EngineChoice, UnstatedThreads},
    exports::{self, Inputs},
    failure::Failure,
    load_options::load_options,
    observed::observed,
    output::{self, stderr_is_terminal},
    prepare,
    recording::{Outcome, record},
    round_order::round_order,
    sweep::Timed,
    workload_choice::{WorkloadChoice, spec},
};

/// Times all points, writes the export and prints the table.
pub fn sweep(args: SweepArgs) -> Result<(), Failure> {
    let workload = WorkloadArgs {
        workload: args.workload.clone(),
        batch_size: None,
        precision: args.precision,
    };
    let inputs = Inputs::of(workload.file(), args.samples.data_dir.as_deref(), None);
    let export = args.export_json.clone();
    let export = export.map(|path| exports::open_one("--export-json", "JSON", path, &inputs));
    let export = export.transpose()?;
    let (axis, values) = swept(&args)?;
    let choices = choices(&workload, axis, &values)?;
    let mut engine_args = args.engine_args();
    let device = &mut engine_args.settings.device;
    match (axis, *device) {
        (Axis::Threads, DeviceArg::Gpu(_)) => {
            return Err(Failure::Usage(
                "--threads is about CPU threads; leave out --device gpu, or sweep --batch-size or --width".into(),
            ));
        }
        (Axis::Threads, DeviceArg::Auto) => *device = DeviceArg::Cpu,
        _ => {}
    }
    let mut engine =
        EngineChoice::resolve(engine_args, &args.passes, &choices[0], UnstatedThreads::All)?;
    if let Some(text) = &engine.warning {
        output::warning(text);
    }
    let shows_progress = !args.quiet && stderr_is_terminal();
    let load = load_options(args.samples);
    let (dataset, _) = prepare::load(&choices[0].workload.dataset, &load, shows_progress)?;
    let dataset = Arc::new(dataset);
    check_sizes(&choices, &dataset)?;
    // One choice of passes for all points, or no line goes through them: that of the largest.
    engine.try_matrix_units(&args.passes, choices.last().expect("there are points"));
    for text in engine.why.iter().filter(|_| !args.quiet) {
        output::say(text);
    }

    let line = Line::new(shows_progress);
    let mut points = Vec::new();
    for (choice, value) in choices.iter().zip(values) {
        if axis == Axis::Threads {
            engine.threads = value as usize;
            engine.device.threads = Some(value as usize);
        }
        let job = Job {
            workload: Arc::clone(&choice.workload),
            dataset: Arc::clone(&dataset),
            threads: engine.threads,
            passes: engine.passes.clone(),
            profile: false,
        };
        let gate = prepare::ask_gate(&engine, &job, args.quiet)?;
        line.show(&format!("{} {value}: compiling …", axis.name()));
        let session = engine.engine.compile(&job, &engine.device)?;
        let timed = Timed::new(job, session)?;
        let session = timed.session();
        let outcome = Outcome {
            runs: Vec::new(),
            device: session.device().clone(),
            details: session.details(),
            analysis: None,
            costs: session.step_costs(),
            partial: None,
            warnings: Vec::new(),
            error: None,
        };
        let facts = record(choice, &engine, &dataset, Some(&gate), outcome);
        points.push(Made {
            timed,
            facts,
            value,
        });
    }
    let (rounds, seed) = (args.rounds, choices[0].workload.seed);
    let (done, telemetry) = observed(!args.no_telemetry, || {
        for round in 0..rounds {
            line.show(&format!("round {} of {rounds} …", round + 1));
            for place in round_order(points.len(), seed, round) {
                points[place].timed.round()?;
            }
        }
        Ok::<(), Failure>(())
    });
    done?;
    drop(line);
    let sweep = made(axis, &points, telemetry);
    let is_failed = |point: &Point| point.gate.verdict == GateVerdict::Failed;
    let is_taken = export.as_ref().is_some_and(|file| file.is_stdout());
    let mut done = vec![exports::show_beside(is_taken, |style| {
        render_sweep(&sweep, style)
    })];
    done.extend(export.map(|file| file.write(json(&sweep).as_bytes())));
    if sweep.points.iter().any(is_failed) {
        done.push(Err(Failure::Failed(
            "not each point is the same training as the oracle's".into(),
        )));
    }
    exports::first_failure(done)
}

/// A point that is timed.
struct Made {
    timed: Timed,
    /// What is known of it beside its times.
    facts: Record,
    /// Where it lies on the axis.
    value: u64,
}

/// What is swept, and its values.
fn swept(args: &SweepArgs) -> Result<(Axis, Vec<u64>), Failure> {
    let threads = match &args.threads {
        Some(Threads::Swept(threads)) => Some(threads),
        _ => None,
    };
    let asked = [
        (Axis::BatchSize, &args.batch_size),
        (Axis::Width, &args.width),
        (Axis::Threads, &threads.cloned()),
    ];
    let asked: Vec<(Axis, Vec<u64>)> = asked
        .into_iter()
        .filter_map(|(axis, sizes)| Some((axis, sizes.as_ref()?.0.clone())))
        .collect();
    match asked.as_slice() {
        [] => Ok((Axis::BatchSize, [16, 32, 64, 128, 256, 512, 1024].into())),
        [one] => Ok(one.clone()),
        _ => Err(Failure::Usage(
            "a sweep varies one thing: --batch-size, --width or --threads; give a range for one of them"
                .into(),
        )),
    }
}

/// The workload at each of the points.
fn choices(
    args: &WorkloadArgs,
    axis: Axis,
    values: &[u64],
) -> Result<Vec<WorkloadChoice>, Failure> {
    let (spec, built_in) = spec(args)?;
    let choice = |value: &u64| {
        let workload = spec.resolve(&Overrides {
            batch_size: (axis == Axis::BatchSize).then_some(*value),
            width: (axis == Axis::Width).then_some(*value),
            precision: args.precision,
            ..Overrides::default()
        })?;
        Ok(WorkloadChoice {
            workload: Arc::new(workload),
            built_in,
        })
    };
    values.iter().map(choice).collect()
}

/// A step takes a whole batch.
fn check_sizes(choices: &[WorkloadChoice], dataset: &Dataset) -> Result<(), Failure> {
    let samples = dataset.train.count();
    let mut sizes = choices.iter().map(|choice| choice.workload.batch_size);
    match sizes.find(|size| *size > samples) {
        None => Ok(()),
        Some(size) => Err(Failure::Usage(format!(
            "--batch-size: a batch of {size} is more than the {samples} training samples; give smaller \
             sizes"
        ))),
    }
}

/// What was measured, with the facts that are the same for all points from the last of them, which has the
/// most threads.
fn made(axis: Axis, points: &[Made], telemetry: Option<Telemetry>) -> Sweep {
    let facts = &points[points.len() - 1].facts;
    let (id, created) = new_id();
    Sweep {
        schema: SweepSchema::V1,
        id,
        created,
        laptime: facts.laptime.clone(),
        axis,
        workload: facts.workload.name.clone(),
        built_in: facts.workload.built_in,
        precision: facts.workload.precision.clone(),
        dataset: facts.dataset.clone(),
        engine: facts.engine.clone(),
        device: facts.device.clone(),
        machine: facts.machine.clone(),
        points: points.iter().map(|it| point(axis, it)).collect(),
        telemetry,
    }
}

fn point(axis: Axis, made: &Made) -> Point {
    let Made {
        timed,
        facts,
        value,
    } = made;
    Point {
        batch_size: facts.workload.batch_size,
        width: if axis == Axis::Width { *value } else { 1 },
        threads: (axis == Axis::Threads).then_some(*value),
        digest: facts.workload.digest.clone(),
        gate: facts.gate.clone(),
        model_flops_per_step: facts.workload.model_flops_per_step,
        steps_per_round: timed.steps,
        step_s: timed.step_s.clone(),
    }
}
