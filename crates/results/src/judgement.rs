//! Whether a record may stand in a list of results, for `laptime records check` and for pages of results.
//!
//! What cannot be true of a record at all is refused when it is read; what is judged here is whether its
//! times mean what a reader of a list takes them for.

use crate::{
    DatasetSource, GateVerdict, PartialReason, Read, Record, Work,
    compare::{course, partial},
    number::three_digits,
};

/// A peak is the best of some trials, and a busy machine has kept it from being better.
const ABOVE_PEAK: f64 = 1.1;

/// The reasons why a record's time must not stand beside others'; empty where it may.
pub fn doubts(read: &Read) -> Vec<String> {
    let record = &read.record;
    let mut doubts = Vec::new();
    if read.summary_differs {
        doubts.push("it has a summary that its raw times contradict".to_owned());
    }
    doubts.extend(gate(record));
    doubts.extend(above_peak(record));
    doubts
}

/// The same for a list of one training, in which a part, a score that ended it, or a divergence misleads as
/// well. A disturbed machine does not: it stands beside the time.
pub fn reasons_apart(read: &Read) -> Vec<String> {
    let record = &read.record;
    let mut reasons = doubts(read);
    if record.runs.is_empty() {
        reasons.push("it has no finished run".to_owned());
    }
    let is_extrapolated = record.summary.extrapolated_total_s.is_some();
    match record.partial_reason {
        // What the whole would take is listed, and marked.
        Some(PartialReason::MaxSteps) if is_extrapolated => {}
        Some(PartialReason::Goal) => reasons.push("it ended at a score".to_owned()),
        Some(PartialReason::NoTest) => reasons.push("it has no test".to_owned()),
        _ => reasons.extend(partial(record).map(|it| format!("it {it}"))),
    }
    if record.dataset.source == DatasetSource::Synthetic {
        reasons.push("its samples were made up".to_owned());
    }
    reasons.extend(course(record).iter().map(|it| format!("it {it}")));
    reasons
}

fn gate(record: &Record) -> Option<String> {
    match record.gate.verdict {
        GateVerdict::Verified | GateVerdict::VerifiedSteps => None,
        GateVerdict::Failed => Some(format!("the gate {}", record.gate)),
        GateVerdict::NotAsked => Some("the gate never judged it".into()),
    }
}

/// What it executed a second, against the peak that was measured beside it.
fn above_peak(record: &Record) -> Option<String> {
    let peak = record.analysis.as_ref()?.peaks.flops;
    let workload = &record.workload;
    let executed = workload
        .executed_flops_per_step
        .unwrap_or(workload.model_flops_per_step);
    let flops = record.summary.samples_per_s * executed as f64 / Work::of(record).batch_size as f64;
    (flops > ABOVE_PEAK * peak).then(|| {
        let giga = |flops: f64| three_digits(1e-9 * flops);
        format!(
            "it claims {} GFLOP/s, above the {} GFLOP/s that it measured as its peak",
            giga(flops),
            giga(peak)
        )
    })
}
