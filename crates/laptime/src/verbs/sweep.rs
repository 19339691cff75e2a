//! `laptime sweep`: what a step costs with many batch sizes, overhead and throughput apart.

use std::sync::Arc;

use laptime_engine::Job;
use laptime_results::{
    GateVerdict, Record, new_id, render_sweep,
    sweep::{Point, Sweep, SweepSchema, json},
};
use laptime_workload::{Overrides, dataset::Dataset};

use crate::{
    args::{SweepArgs, WorkloadArgs},
    display::Line,
    exports::{self, Inputs},
    failure::Failure,
    observed::observed,
    options::{EngineChoice, WorkloadChoice, load_options, spec},
    output::{self, stderr_is_terminal},
    prepare,
    recording::{Outcome, record},
    round_order::round_order,
    sweep::Timed,
};

/// Times all batch sizes, writes the export and prints the table.
pub fn sweep(args: SweepArgs) -> Result<(), Failure> {
    let workload = WorkloadArgs {
        workload: args.workload,
        batch_size: None,
        precision: args.precision,
    };
    let inputs = Inputs::of(workload.file(), args.samples.data_dir.as_deref(), None);
    let export = args.export_json;
    let export = export.map(|path| exports::open_one("--export-json", "JSON", path, &inputs));
    let export = export.transpose()?;
    let choices = choices(&workload, &args.batch_size.0)?;
    let [first, ..] = choices.as_slice() else {
        return Err(Failure::Usage(
            "--batch-size: give two sizes or more".into(),
        ));
    };
    let engine = EngineChoice::resolve(args.engine, &args.passes, first)?;
    if let Some(text) = &engine.warning {
        output::warning(text);
    }
    let shows_progress = !args.quiet && stderr_is_terminal();
    let load = load_options(args.samples);
    let (dataset, _) = prepare::load(first.workload.dataset, &load, shows_progress)?;
    let dataset = Arc::new(dataset);
    check_sizes(&choices, &dataset)?;

    let line = Line::new(shows_progress);
    let mut points = Vec::new();
    for choice in &choices {
        let job = Job {
            workload: Arc::clone(&choice.workload),
            dataset: Arc::clone(&dataset),
            threads: engine.threads,
            passes: engine.passes.clone(),
            profile: false,
        };
        let gate = prepare::ask_gate(&engine, &job, args.quiet)?;
        line.show(&format!("batch {}: compiling …", job.workload.batch_size));
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
        points.push((timed, facts));
    }
    let (rounds, seed) = (args.rounds, first.workload.seed);
    let (done, telemetry) = observed(!args.no_telemetry, || {
        for round in 0..rounds {
            line.show(&format!("round {} of {rounds} …", round + 1));
            for place in round_order(points.len(), seed, round) {
                points[place].0.round()?;
            }
        }
        Ok::<(), Failure>(())
    });
    done?;
    drop(line);
    let sweep = made(&points, telemetry);
    let is_failed = |point: &Point| point.gate.verdict == GateVerdict::Failed;
    let is_taken = export.as_ref().is_some_and(|file| file.is_stdout());
    let mut done = vec![exports::show_beside(is_taken, |style| {
        render_sweep(&sweep, style)
    })];
    done.extend(export.map(|file| file.write(json(&sweep).as_bytes())));
    if sweep.points.iter().any(is_failed) {
        done.push(Err(Failure::Failed(
            "not each batch size is the same training as the oracle's".into(),
        )));
    }
    exports::first_failure(done)
}

/// The workload with each of the batch sizes.
fn choices(args: &WorkloadArgs, sizes: &[u64]) -> Result<Vec<WorkloadChoice>, Failure> {
    let (spec, built_in) = spec(args)?;
    let choice = |size: &u64| {
        let workload = spec.resolve(&Overrides {
            batch_size: Some(*size),
            precision: args.precision,
            ..Overrides::default()
        })?;
        Ok(WorkloadChoice {
            workload: Arc::new(workload),
            built_in,
        })
    };
    sizes.iter().map(choice).collect()
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

/// What was measured, with the facts that are the same for all batch sizes from the first of them.
fn made(
    points: &[(Timed, Record)],
    telemetry: Option<laptime_measure::telemetry::Telemetry>,
) -> Sweep {
    let facts = &points[0].1;
    let (id, created) = new_id();
    Sweep {
        schema: SweepSchema::V1,
        id,
        created,
        laptime: facts.laptime.clone(),
        workload: facts.workload.name.clone(),
        precision: facts.workload.precision.clone(),
        dataset: facts.dataset.clone(),
        engine: facts.engine.clone(),
        device: facts.device.clone(),
        machine: facts.machine.clone(),
        points: points.iter().map(point).collect(),
        telemetry,
    }
}

fn point((timed, facts): &(Timed, Record)) -> Point {
    Point {
        batch_size: facts.workload.batch_size,
        digest: facts.workload.digest.clone(),
        gate: facts.gate.clone(),
        model_flops_per_step: facts.workload.model_flops_per_step,
        steps_per_round: timed.steps,
        step_s: timed.step_s.clone(),
    }
}
