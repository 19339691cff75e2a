//! One run, as a child does it for the process that the user has started.

use std::{sync::Arc, time::Instant};

use laptime_engine::Job;
use laptime_measure::{Run, Watch, measure, memory};
use laptime_workload::dataset::{Data, LoadOptions, Policy};
use serde::{Deserialize, Serialize};

use crate::{
    child::RunJob, engines, failure::Failure, given_weights::WeightsFile, observed::observed_run,
    prepare,
};

/// What a child says of its run.
#[derive(Serialize, Deserialize)]
pub struct Once {
    /// The run.
    pub run: Run,
    /// The digest of the samples that it found.
    pub dataset_sha256: String,
}

/// Trains and tests once.
///
/// # Errors
/// Where the samples are not there any more, or the engine fails.
pub fn run_once(mut asked: RunJob) -> Result<Once, Failure> {
    let begin = Instant::now();
    WeightsFile::read_for(asked.weights.as_ref(), &mut asked.workload)?;
    let engine = engines::find("--engine", &asked.engine)?;
    let options = LoadOptions {
        policy: match asked.is_synthetic {
            true => Policy::Synthetic,
            false => Policy::Auto,
        },
        data_dir: asked.data_dir.map(Into::into),
        // They are in memory by now, so they lie somewhere.
        offline: true,
        ..LoadOptions::default()
    };
    let mut workload = asked.workload;
    if let Data::Own(own) = workload.dataset {
        workload.dataset = Data::Own(Box::new(own.in_files(asked.own_files.map(|files| *files))));
    }
    let (dataset, load_s) = prepare::load(&workload.dataset, &options, false)?;
    let dataset_sha256 = dataset.sha256.clone();
    let job = Job {
        workload: Arc::new(workload),
        dataset: Arc::new(dataset),
        threads: asked.threads,
        passes: asked.passes,
        profile: false,
    };
    // As in the process of the first run: what reading the samples took is not the training's.
    memory::forget_peak();
    let watch = Watch::new();
    let measured = observed_run(asked.telemetry, || {
        measure(engine, &job, &asked.device, asked.ends, begin, &watch, None)
    });
    let mut run = measured?.run;
    run.phases.load_s = load_s;
    Ok(Once {
        run,
        dataset_sha256,
    })
}
