//! A run in a process of its own, by our own engine: a framework starts a process for each session anyway.

use laptime_engine::{EngineError, Job};
use laptime_measure::{Ends, Run, Stage, Watch};
use laptime_workload::dataset::{Data, LoadOptions, Origin};

use super::Once;
use crate::{
    child::{self, Request, RunJob},
    engine_choice::EngineChoice,
    engines::OwnEngine,
    given_weights::WeightsFile,
};

/// What is done again.
pub struct Again<'a> {
    /// What trains.
    pub engine: &'a EngineChoice,
    /// What is trained.
    pub job: &'a Job,
    /// Where the training ends.
    pub ends: Ends,
    /// Where the samples came from.
    pub load: &'a LoadOptions,
    /// Whether the machine is observed.
    pub telemetry: bool,
}

/// Whether it is our own engine that trains.
pub fn is_own(engine: &EngineChoice) -> bool {
    engine.engine.name() == OwnEngine::NAME
}

impl Again<'_> {
    /// Does it.
    ///
    /// # Errors
    /// Where the process cannot be started, fails, or finds other samples.
    pub fn run(&self, watch: &Watch) -> Result<Run, EngineError> {
        watch.enter(Stage::Repeating);
        let request = Request::Run(RunJob {
            workload: (*self.job.workload).clone(),
            weights: WeightsFile::of(&self.job.workload),
            engine: self.engine.engine.name().into(),
            device: self.engine.device.clone(),
            threads: self.job.threads,
            passes: self.job.passes.clone(),
            ends: self.ends,
            is_synthetic: self.job.dataset.origin == Origin::Synthetic,
            data_dir: self.load.data_dir.clone().map(Into::into),
            own_files: match &self.job.workload.dataset {
                Data::Own(own) => own.files().cloned().map(Box::new),
                Data::Known(_) => None,
            },
            telemetry: self.telemetry,
        });
        let answer = child::ask(&request).map_err(|error| failed(&error.to_string()))?;
        let Ok(once) = serde_json::from_slice::<Once>(&answer.output) else {
            let said = answer.errors.trim();
            return Err(failed(&if said.is_empty() {
                format!("it ended without a result ({})", answer.status)
            } else {
                said.to_owned()
            }));
        };
        // The files may have been replaced since.
        if once.dataset_sha256 != self.job.dataset.sha256 {
            return Err(failed("it found other samples than the first run"));
        }
        Ok(once.run)
    }
}

fn failed(why: &str) -> EngineError {
    EngineError::Failed(format!("a run in a process of its own: {why}"))
}
