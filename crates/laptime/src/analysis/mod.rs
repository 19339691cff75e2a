//! What bounds a step: measured behind the runs, in a process of its own, so that it costs none of them
//! time or memory.

mod in_child;
pub mod peaks;
mod roofline;

use laptime_engine::Job;
use laptime_results::Analysis;
use laptime_workload::Workload;

use crate::{
    child::{self, GateJob, Request},
    display::Line,
    engine_choice::EngineChoice,
    engines::OwnEngine,
};

pub use in_child::analyse;
pub use roofline::bound_by;

/// The analysis of a training by our own engine; `None` for a framework, which does not show its kernels,
/// and where the process fails: the result does not depend on it.
pub fn analysis(engine: &EngineChoice, job: &Job, shows_progress: bool) -> Option<Analysis> {
    if engine.engine.name() != OwnEngine::NAME {
        return None;
    }
    let line = Line::new(shows_progress);
    line.show("measuring what bounds a step …");
    let request = Request::Analyse(GateJob {
        workload: Workload::clone(&job.workload),
        // What a step takes does not depend on them.
        weights: None,
        engine: engine.engine.name().into(),
        device: engine.device.clone(),
        threads: job.threads,
        passes: job.passes.clone(),
        last_batch: 0,
    });
    let answer = child::ask(&request).ok()?;
    serde_json::from_slice(&answer.output).ok()?
}
