//! `laptime verify`: the gate by itself, always asked anew.

use std::{sync::Arc, time::Instant};

use laptime_engine::Job;
use laptime_workload::dataset::synthetic;

use crate::{
    args::VerifyArgs,
    display::Line,
    engine_choice::{EngineChoice, UnstatedThreads},
    failure::Failure,
    given_weights::check_engine,
    output, verdicts,
    workload_choice::WorkloadChoice,
};

/// Prints the gate's word; an engine that does another training is a failure.
pub fn verify(args: VerifyArgs) -> Result<(), Failure> {
    let init = args.weights.init.as_deref();
    let workload = WorkloadChoice::resolve(&args.workload)?.starting_from(init)?;
    let choice = EngineChoice::resolve(
        args.engine,
        &args.passes,
        &workload,
        UnstatedThreads::Fastest,
    )?;
    if init.is_some() {
        check_engine("--init", choice.engine)?;
    }
    if let Some(text) = &choice.warning {
        output::warning(text);
    }
    for text in &choice.why {
        output::say(text);
    }
    let workload = workload.workload;
    // The gate makes its own samples; of these it only asks how many the last batch has.
    let samples = workload.dataset.description().train_samples;
    let count = workload.epoch_samples(samples) % workload.batch_size;
    let job = Job {
        dataset: Arc::new(synthetic(workload.dataset.description(), count, 0)),
        workload,
        threads: choice.threads,
        passes: choice.passes.clone(),
        profile: false,
    };
    let line = Line::new(output::stderr_is_terminal());
    line.show("training in float64, step by step …");
    let start = Instant::now();
    let verdict = verdicts::ask_anew(choice.engine, &job, &choice.device)?;
    drop(line);
    choice.advise_on(&verdict);
    output::print(&if args.json {
        serde_json::to_string(&verdict).expect("a verdict is plain data") + "\n"
    } else {
        format!(
            "{} with {} {} on {}: {verdict} ({:.1} s)\n",
            job.workload.name,
            choice.engine.name(),
            choice.engine.version(),
            choice.device.name,
            start.elapsed().as_secs_f64(),
        )
    })?;
    if verdict.is_verified() {
        Ok(())
    } else {
        Err(Failure::Failed(format!(
            "the engine {} does not do the same training as the oracle",
            choice.engine.name()
        )))
    }
}
