//! What the machine does while something is timed.

use std::path::Path;

use laptime_measure::telemetry::{ROOT, Sampler, Telemetry};

/// Does the work, and observes the machine meanwhile if that is wanted.
pub fn observed<T>(is_wanted: bool, work: impl FnOnce() -> T) -> (T, Option<Telemetry>) {
    let sampler = is_wanted.then(|| Sampler::start(Path::new(ROOT), &[std::process::id()]));
    let done = work();
    (done, sampler.map(Sampler::finish))
}
