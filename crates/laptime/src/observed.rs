//! What the machine does while something is timed.

use std::path::Path;

use laptime_engine::EngineError;
use laptime_measure::{
    Measurement,
    telemetry::{ROOT, Sampler, Telemetry},
};

/// Does the work, and observes the machine meanwhile if that is wanted.
pub fn observed<T>(is_wanted: bool, work: impl FnOnce() -> T) -> (T, Option<Telemetry>) {
    let sampler = is_wanted.then(|| Sampler::start(Path::new(ROOT), &[std::process::id()]));
    let done = work();
    (done, sampler.map(Sampler::finish))
}

/// Measures a run, which has what was observed meanwhile.
///
/// # Errors
/// Those of the measurement.
pub fn observed_run(
    is_wanted: bool,
    measure: impl FnOnce() -> Result<Measurement, EngineError>,
) -> Result<Measurement, EngineError> {
    let (measured, telemetry) = observed(is_wanted, measure);
    let mut measured = measured?;
    measured.run.telemetry = telemetry;
    Ok(measured)
}
