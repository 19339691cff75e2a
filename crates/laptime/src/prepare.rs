//! What comes before the first run: the samples, and the gate's word.

use std::time::Instant;

use laptime_engine::{EngineError, Job};
use laptime_workload::{
    DatasetName,
    dataset::{self, Dataset, LoadOptions},
};

use crate::{
    display::{DownloadLine, Line},
    failure::Failure,
    options::EngineChoice,
    output,
    recording::GateReport,
    verdicts,
};

/// The samples, and the seconds that reading them took.
pub fn load(
    name: DatasetName,
    options: &LoadOptions,
    shows_progress: bool,
) -> Result<(Dataset, f64), Failure> {
    let start = Instant::now();
    let mut progress = DownloadLine::new(shows_progress);
    let loaded = dataset::load(name, options, &mut progress)?;
    // It may name folders of the user's, which no record does; `dataset.source` says the same there.
    if let Some(text) = &loaded.warning {
        output::warning(text);
    }
    Ok((loaded.dataset, start.elapsed().as_secs_f64()))
}

/// Asks the gate about an engine.
pub fn ask_gate(
    engine: &EngineChoice,
    job: &Job,
    shows_progress: bool,
) -> Result<GateReport, EngineError> {
    let line = Line::new(shows_progress);
    let name = engine.engine.name();
    line.show(&format!("checking that {name} does the same training …"));
    let start = Instant::now();
    let (verdict, remembered) = verdicts::verdict(engine.engine, job, &engine.device)?;
    Ok(GateReport {
        verdict,
        remembered,
        gate_s: start.elapsed().as_secs_f64(),
    })
}
