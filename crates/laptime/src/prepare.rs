//! What comes before the first run: the samples, and the gate's word.

use std::time::Instant;

use laptime_engine::{EngineError, Job, gate};
use laptime_workload::{
    dataset::{self, Column, Data, Dataset, Description, LoadOptions},
    memory,
};

use crate::{
    display::{DownloadLine, Line},
    engine_choice::EngineChoice,
    failure::Failure,
    output,
    recording::GateReport,
    verdicts,
};

/// The samples, and the seconds that reading them took.
pub fn load(
    data: &Data,
    options: &LoadOptions,
    shows_progress: bool,
) -> Result<(Dataset, f64), Failure> {
    let start = Instant::now();
    // The files as they are, and the samples that are read out of them.
    let Description {
        columns,
        train_samples,
        test_samples,
        ..
    } = data.description();
    let samples = (train_samples + test_samples) as u64;
    let bytes: usize = columns.iter().map(Column::bytes).sum();
    memory::check(2 * samples * bytes as u64).map_err(|shortage| {
        Failure::Failed(format!(
            "{data}: loading its samples {shortage}; allow more memory"
        ))
    })?;
    let mut progress = DownloadLine::new(shows_progress);
    let loaded = dataset::load(data, options, &mut progress)?;
    // It may name folders of the user's, which no record does; `dataset.source` says the same there.
    if let Some(text) = &loaded.warning {
        output::warning(text);
    }
    Ok((loaded.dataset, start.elapsed().as_secs_f64()))
}

/// Whoever waits for longer is told so, without a terminal too.
const LONG_S: f64 = 5.0;

/// Asks the gate about an engine.
pub fn ask_gate(
    engine: &EngineChoice,
    job: &Job,
    is_quiet: bool,
) -> Result<GateReport, EngineError> {
    let line = Line::new(!is_quiet && output::stderr_is_terminal());
    let start = Instant::now();
    let (verdict, remembered) = verdicts::verdict(engine.engine, job, &engine.device, || {
        let plan = gate::plan(job);
        let text = waited_for(engine.engine.name(), plan);
        line.show(&text);
        if !is_quiet && !output::stderr_is_terminal() && plan.about_s >= LONG_S {
            output::say(&text);
        }
    })?;
    engine.advise_on(&verdict);
    Ok(GateReport {
        verdict,
        remembered,
        gate_s: start.elapsed().as_secs_f64(),
    })
}

/// What one waits for while the gate is asked about the engine of this name.
fn waited_for(engine: &str, plan: gate::Plan) -> String {
    let steps = plan.steps;
    let time = match plan.about_s {
        ..1.0 => String::new(),
        about_s => format!("about {about_s:.0} s, "),
    };
    format!("checking {engine} against the float64 oracle: {steps} steps, {time}once per model …")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_told_for_what_and_how_long() {
        let text = |steps, about_s| waited_for("laptime", gate::Plan { steps, about_s });
        assert_eq!(
            text(3, 8.4),
            "checking laptime against the float64 oracle: 3 steps, about 8 s, once per model …"
        );
        assert_eq!(
            text(20, 0.4),
            "checking laptime against the float64 oracle: 20 steps, once per model …"
        );
    }
}
