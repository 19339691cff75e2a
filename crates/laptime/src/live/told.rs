//! What a live view is told of a run or a race before it begins.

use laptime_engine::Job;
use laptime_results::{number::counted, published::results};

use super::{Lane, Told};
use crate::{display::Plan, engine_choice::EngineChoice, workload_choice::WorkloadChoice};

/// Marks to beat: more than these are no help.
const MOST_MARKS: usize = 6;

/// Of a run of one engine.
pub fn of_run(
    choice: &WorkloadChoice,
    engine: &EngineChoice,
    job: &Job,
    max_steps: Option<u64>,
) -> Told {
    let workload = &choice.workload;
    // Of another training they would be no marks.
    let is_published = choice.built_in && workload.overrides.is_empty() && max_steps.is_none();
    let marks = results()
        .iter()
        .filter(|it| is_published && it.workload == workload.name)
        .take(MOST_MARKS)
        .map(|it| (it.name.clone(), it.total_s))
        .collect();
    let mut by = vec![
        format!("{} {}", engine.engine.name(), engine.engine.version()),
        engine.device.name.clone(),
    ];
    by.extend(
        engine
            .device
            .threads
            .map(|threads| counted(threads as u64, "thread")),
    );
    Told {
        title: title(choice),
        trained_by: by.join(" · "),
        plan: Plan::of(job, max_steps, 1, 1),
        totals_s: Vec::new(),
        marks,
        lanes: Vec::new(),
    }
}

/// Of a race.
pub fn of_race(
    choice: &WorkloadChoice,
    job: &Job,
    max_steps: Option<u64>,
    lanes: Vec<Lane>,
) -> Told {
    Told {
        title: title(choice),
        trained_by: String::new(),
        plan: Plan::of(job, max_steps, 1, 1),
        totals_s: Vec::new(),
        marks: Vec::new(),
        lanes,
    }
}

fn title(choice: &WorkloadChoice) -> String {
    let workload = &choice.workload;
    format!(
        "{} · {} · batch {} · {}",
        workload.name,
        workload.precision,
        workload.batch_size,
        counted(workload.epochs as u64, "epoch")
    )
}
