//! All runs of many records as one flat table, for pandas and its like.

use laptime_measure::Run;
use serde_json::Value;

use super::flat;
use crate::{Record, read::achieved_flops};

/// The columns: where a value is in a record's JSON, with dots between the names, as
/// `pandas.json_normalize` writes it. What is of a run begins with `runs.`; what is of its epochs is a
/// list.
const COLUMNS: &[&str] = &[
    "id",
    "created",
    "partial",
    "partial_reason",
    "race.id",
    "race.rounds",
    "suite.id",
    "suite.version",
    "laptime.version",
    "laptime.commit",
    "command",
    "workload.name",
    "workload.built_in",
    "workload.digest",
    "workload.epochs",
    "workload.batch_size",
    "workload.precision",
    "workload.overrides",
    "workload.parameters",
    "workload.model_flops_per_step",
    "workload.executed_flops_per_step",
    "dataset.name",
    "dataset.source",
    "dataset.sha256",
    "dataset.train_samples",
    "dataset.test_samples",
    "dataset.sample_unit",
    "engine.name",
    "engine.version",
    "gate.verdict",
    "gate.steps",
    "gate.diverges_at",
    "gate.own_dropout",
    "gate.what",
    "device.kind",
    "device.name",
    "device.threads",
    "device.ranks",
    "device.isa",
    "device.driver",
    "device.software",
    "machine.os",
    "machine.cpu",
    "machine.cores",
    "machine.logical_cores",
    "machine.memory_bytes",
    "summary.total_s.median",
    "summary.total_s.ci95",
    "summary.samples_per_s",
    "summary.achieved_flops",
    "summary.model_flops_utilization",
    "summary.bottleneck.bound",
    "error",
    RUN,
    "runs.cold",
    "runs.seed",
    "runs.wall_s",
    "runs.total_s",
    "runs.phases.load_s",
    "runs.phases.start_s",
    "runs.phases.trial_s",
    "runs.phases.prepare_s",
    "runs.phases.compile_s",
    "runs.phases.train_s",
    "runs.phases.test_s",
    "runs.phases.other_s",
    "runs.phases.checkpoint_s",
    SAMPLES_PER_S,
    ACHIEVED_FLOPS,
    "runs.epochs.train_s",
    "runs.epochs.metrics.loss",
    "runs.epochs.metrics.accuracy",
    "runs.step_s.p50",
    "runs.step_s.p95",
    "runs.step_s.p99",
    "runs.test.metrics.loss",
    "runs.test.metrics.accuracy",
    "runs.untested",
    "runs.diverged.epoch",
    "runs.diverged.step",
    "runs.diverged.last_step",
    "runs.resumed.step",
    "runs.peak_memory_bytes",
    "runs.telemetry.foreign_cpu_s",
    "runs.telemetry.steal_s",
    "runs.telemetry.temperature_max_c",
    "runs.telemetry.energy_j",
];

/// The place of a run in its record, from 1.
const RUN: &str = "run";
/// Derived from a run's times, as the summary's are from all.
const SAMPLES_PER_S: &str = "runs.samples_per_s";
const ACHIEVED_FLOPS: &str = "runs.achieved_flops";

/// All runs as CSV, one row a run; a record without runs has a row, too.
pub fn runs_csv(records: &[Record]) -> String {
    flat::csv(COLUMNS, &rows(records))
}

/// The same rows as JSON lines.
pub fn runs_json_lines(records: &[Record]) -> String {
    flat::json_lines(COLUMNS, &rows(records))
}

fn rows(records: &[Record]) -> Vec<Vec<Value>> {
    records.iter().flat_map(rows_of).collect()
}

fn rows_of(record: &Record) -> Vec<Vec<Value>> {
    let whole = value_of(record);
    if record.runs.is_empty() {
        return vec![row(record, &whole, None)];
    }
    let runs = record.runs.iter().enumerate();
    runs.map(|run| row(record, &whole, Some(run))).collect()
}

fn row(record: &Record, whole: &Value, run: Option<(usize, &Run)>) -> Vec<Value> {
    let of_run = run.map_or(Value::Null, |(_, run)| value_of(run));
    let derived = |value: fn(&Record, &Run) -> f64| {
        run.map_or(Value::Null, |(_, run)| value(record, run).into())
    };
    let value = |name: &&str| match *name {
        RUN => run.map_or(Value::Null, |(place, _)| (place + 1).into()),
        SAMPLES_PER_S => derived(|_, run| run.samples_per_s()),
        ACHIEVED_FLOPS => derived(achieved_flops),
        name => match name.strip_prefix("runs.") {
            Some(name) => at(&of_run, name),
            None => at(whole, name),
        },
    };
    COLUMNS.iter().map(value).collect()
}

/// The value at a path; of a list, those of all its elements, but of a list of metrics that of the metric
/// with this name.
fn at(value: &Value, path: &str) -> Value {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    match (value, rest) {
        (Value::Array(all), None) if all.iter().all(is_metric) => {
            let found = all.iter().find(|metric| metric["name"] == name);
            found.map_or(Value::Null, |metric| metric["value"].clone())
        }
        (Value::Array(all), _) => all.iter().map(|one| at(one, path)).collect(),
        (_, Some(rest)) => at(&value[name], rest),
        (_, None) => value[name].clone(),
    }
}

fn is_metric(value: &Value) -> bool {
    value["name"].is_string() && !value["value"].is_null()
}

fn value_of(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("a record has only strings for keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_a_value_of_a_records_json() {
        let schema = crate::schema().to_value();
        for name in COLUMNS {
            if [RUN, SAMPLES_PER_S, ACHIEVED_FLOPS].contains(name) {
                continue;
            }
            let name = name.split_once(".metrics.").map_or(*name, |(path, _)| path);
            let found = name
                .split('.')
                .try_fold(schema.clone(), |schema, name| property(&schema, name));
            assert!(found.is_some(), "{name}");
        }
    }

    /// The schema of a property, through references, lists and what may be null.
    fn property(schema: &Value, name: &str) -> Option<Value> {
        if let Some(found) = schema["properties"].get(name) {
            return Some(found.clone());
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let root = crate::schema().to_value();
            return property(root.pointer(reference.strip_prefix('#')?)?, name);
        }
        let choices = schema["anyOf"].as_array().into_iter().flatten();
        choices
            .chain(schema.get("items"))
            .find_map(|choice| property(choice, name))
    }
}
