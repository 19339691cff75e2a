//! Records as comma-separated values (RFC 4180), one row a run.

use laptime_measure::{
    Run,
    telemetry::{Condition, judge},
};

use super::cell;
use crate::Record;

/// A column: its name, and its value for a run, empty where there is none.
type Column = (&'static str, fn(&Record, &Run) -> String);

const COLUMNS: &[Column] = &[
    ("record", |record, _| record.id.clone()),
    ("created", |record, _| record.created.clone()),
    ("workload", |record, _| record.workload.name.clone()),
    ("digest", |record, _| record.workload.digest.clone()),
    ("data", |record, _| name_of(record.dataset.source)),
    ("engine", |record, _| record.engine.name.clone()),
    ("engine_version", |record, _| record.engine.version.clone()),
    ("device", |record, _| record.device.name.clone()),
    ("threads", |record, _| optional(record.device.threads)),
    ("precision", |record, _| record.workload.precision.clone()),
    ("batch_size", |record, _| {
        record.workload.batch_size.to_string()
    }),
    ("epochs", |record, _| record.workload.epochs.to_string()),
    ("partial", |record, _| record.partial.to_string()),
    ("gate", |record, _| record.gate.to_string()),
    ("cold", |_, run| run.cold.to_string()),
    ("condition", |record, run| condition(record, run)),
    ("seed", |_, run| run.seed.to_string()),
    ("wall_s", |_, run| run.wall_s.to_string()),
    ("total_s", |_, run| run.total_s.to_string()),
    ("load_s", |_, run| run.phases.load_s.to_string()),
    ("start_s", |_, run| run.phases.start_s.to_string()),
    ("trial_s", |_, run| run.phases.trial_s.to_string()),
    ("prepare_s", |_, run| run.phases.prepare_s.to_string()),
    ("compile_s", |_, run| run.phases.compile_s.to_string()),
    ("train_s", |_, run| run.phases.train_s.to_string()),
    ("test_s", |_, run| run.phases.test_s.to_string()),
    ("other_s", |_, run| run.phases.other_s.to_string()),
    ("checkpoint_s", |_, run| run.phases.checkpoint_s.to_string()),
    ("resumed", |_, run| run.resumed.len().to_string()),
    ("step_p50_s", |_, run| {
        optional(run.step_s.map(|step| step.p50))
    }),
    ("step_p95_s", |_, run| {
        optional(run.step_s.map(|step| step.p95))
    }),
    ("step_p99_s", |_, run| {
        optional(run.step_s.map(|step| step.p99))
    }),
    ("samples_per_s", |_, run| run.samples_per_s().to_string()),
    ("test_loss", |_, run| {
        optional(run.test.as_ref().map(|test| test.metrics.loss()))
    }),
    ("test_accuracy", |_, run| {
        let test = run.test.as_ref();
        optional(test.and_then(|test| test.metrics.accuracy()))
    }),
    ("diverged", |_, run| run.is_diverged().to_string()),
    // Empty where only the losses tell, or the step is not known exactly.
    ("diverged_epoch", |_, run| {
        optional(run.diverged.map(|it| it.epoch))
    }),
    ("diverged_step", |_, run| {
        let exact = run.diverged.filter(|it| it.step == it.last_step);
        optional(exact.map(|it| it.step))
    }),
    ("peak_memory_bytes", |_, run| {
        optional(run.peak_memory_bytes)
    }),
];

/// The records as one table with a line of names at its top.
pub fn csv(records: &[Record]) -> String {
    let names = COLUMNS.iter().map(|(name, _)| (*name).to_owned());
    let mut text = line(names);
    for record in records {
        for run in &record.runs {
            text += &line(COLUMNS.iter().map(|(_, value)| value(record, run)));
        }
    }
    text
}

/// RFC 4180 ends lines with CR and LF; every reader of CSV also takes LF, and so do Unix tools.
fn line(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<String> = fields.map(|field| cell::csv(&field)).collect();
    fields.join(",") + "\n"
}

/// The word for what the machine did; empty where nobody looked.
fn condition(record: &Record, run: &Run) -> String {
    let threads = record.device.threads.unwrap_or(1) as usize;
    let judged = run.telemetry.as_ref().map(|it| judge(it, threads));
    match judged {
        Some(Condition::Clean) => "clean".into(),
        Some(Condition::Disturbed { .. }) => "disturbed".into(),
        Some(Condition::Throttled { .. }) => "throttled".into(),
        Some(Condition::NotMeasured { .. }) | None => String::new(),
    }
}

fn optional(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// The name that a value has in JSON.
fn name_of(value: impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    let name = value.as_ref().and_then(serde_json::Value::as_str);
    name.unwrap_or_default().to_owned()
}
