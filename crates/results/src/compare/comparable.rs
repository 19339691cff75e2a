//! Which results may be compared, and why others may not.

use super::Side;
use crate::{
    Conditions, GateVerdict, PartialReason, Record, Work, WorkloadFacts, divergence,
    published::{self, Published},
    summary::counted,
};

/// The reasons against comparing two results; empty where they may be compared.
pub fn between(one: &Side, other: &Side, names: &[String; 2]) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut own = |name: &str, side: &Side| {
        if let Side::Record(record) = side {
            let of_record = of_one(record).into_iter();
            reasons.extend(of_record.map(|reason| format!("{name} {reason}")));
        }
    };
    own(&names[0], one);
    own(&names[1], other);
    reasons.extend(match (one, other) {
        (Side::Record(a), Side::Record(b)) => of_two(a, b),
        (Side::Record(record), Side::Published(published))
        | (Side::Published(published), Side::Record(record)) => of_published(record, published),
        (Side::Published(a), Side::Published(b)) => differing("workload", &a.workload, &b.workload)
            .into_iter()
            .collect(),
    });
    reasons
}

/// What was wrong with the machine while it measured: others, or heat, took time from more than half of the
/// runs, and so from their median.
pub fn conditions(record: &Record) -> Vec<String> {
    let threads = Work::of(record).threads;
    let conditions = Conditions::of(&counted(&record.runs), threads);
    let bad = conditions.filter(|it| 2 * (it.disturbed + it.throttled) > it.runs);
    bad.map(|it| {
        let bad = it.disturbed + it.throttled;
        format!("was {} in {bad} of {} runs", it.worst, it.runs)
    })
    .into_iter()
    .collect()
}

/// What keeps a record from being compared with anything.
pub(super) fn of_one(record: &Record) -> Vec<String> {
    let mut reasons = Vec::new();
    if record.runs.is_empty() {
        reasons.push("has no finished run".to_owned());
    }
    reasons.extend(partial(record));
    match record.gate.verdict {
        GateVerdict::Verified | GateVerdict::VerifiedSteps => {}
        GateVerdict::Failed => reasons.push("failed the gate: it is another training".to_owned()),
        GateVerdict::NotAsked => reasons.push("was never checked by the gate".to_owned()),
    }
    reasons.extend(course(record));
    reasons.extend(conditions(record));
    reasons
}

/// Why its times are not those of a whole training.
pub(crate) fn partial(record: &Record) -> Option<String> {
    let why = match record.partial_reason? {
        PartialReason::MaxSteps => "--max-steps cut it short",
        // Two with the same goal may be compared, and two without a test.
        PartialReason::Goal | PartialReason::NoTest => return None,
        PartialReason::Interrupted => "it was interrupted",
        PartialReason::Failed => "its engine failed",
    };
    Some(format!("is partial: {why}"))
}

/// What went wrong on the way.
pub(crate) fn course(record: &Record) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(place) = divergence(record) {
        reasons.push(format!("diverged {place}"));
    }
    if record.runs.iter().any(|run| !run.resumed.is_empty()) {
        let lost = "was resumed: what was lost between its parts took time, too";
        reasons.push(lost.to_owned());
    }
    reasons
}

fn micro_batch_size(workload: &WorkloadFacts) -> String {
    let size = workload.micro_batch_size;
    size.map_or("that of the batch".into(), |size| size.to_string())
}

fn of_two(a: &Record, b: &Record) -> Vec<String> {
    if a.id == b.id {
        return vec!["they are the same record".into()];
    }
    let (one, other) = (&a.workload, &b.workload);
    let mut reasons: Vec<String> = [
        differing("workload", &one.name, &other.name),
        differing("precision", &one.precision, &other.precision),
        differing("epochs", &one.epochs, &other.epochs),
        differing("batch size", &one.batch_size, &other.batch_size),
        differing(
            "micro-batch size",
            &micro_batch_size(one),
            &micro_batch_size(other),
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    // The digest covers those as well; one that differs by itself is of the model or its settings.
    if reasons.is_empty() && one.digest != other.digest {
        reasons.push("the workloads differ in their model or settings: other digests".into());
    }
    let goal = |record: &Record| {
        let first = record.runs.first().and_then(|run| run.goal.as_ref());
        first.map_or("all epochs".to_owned(), |it| it.goal.to_string())
    };
    reasons.extend(differing("trained until", &goal(a), &goal(b)));
    let test = |record: &Record| match record.partial_reason {
        Some(PartialReason::NoTest) => "left out",
        _ => "part of the total",
    };
    reasons.extend(differing("test", &test(a), &test(b)));
    let (one, other) = (&a.dataset, &b.dataset);
    let of_dataset: Vec<String> = [
        differing("dataset", &one.name, &other.name),
        differing("samples", &one.source.name(), &other.source.name()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if of_dataset.is_empty() && one.sha256 != other.sha256 {
        reasons.push("the samples differ: other digests".into());
    }
    reasons.extend(of_dataset);
    reasons
}

fn of_published(record: &Record, published: &Published) -> Vec<String> {
    let mut reasons: Vec<String> =
        differing("workload", &record.workload.name, &published.workload)
            .into_iter()
            .collect();
    if record.partial_reason == Some(PartialReason::Goal) {
        reasons.push("the record ended by --until".to_owned());
    }
    if record.partial_reason == Some(PartialReason::NoTest) {
        reasons.push("the record has no test (--no-test)".to_owned());
    }
    reasons.extend(published::differences(record));
    reasons
}

fn differing<T: PartialEq + std::fmt::Display>(what: &str, a: &T, b: &T) -> Option<String> {
    (a != b).then(|| format!("{what}: {a} and {b}"))
}
