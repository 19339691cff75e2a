//! The suite: the article's two workloads, and one number for who wants one.
//!
//! The number is the geometric mean of speeds relative to a stated machine, because it alone does not
//! depend on which machine that is (P. J. Fleming, J. J. Wallace: "How not to lie with statistics", CACM
//! 29, 1986). Its parts stand beside it, and means of other versions of the suite are never compared with
//! it.

mod versus;

use laptime_measure::statistics::{Ratio, geometric_mean};

use crate::{
    DatasetSource, GateVerdict, MedianSeconds, PartialReason, Record, divergence,
    published::{Published, named},
};

pub use versus::{Versus, VersusPart, versus};

/// A version of the suite. What it has never changes; another list is another version.
pub struct SuiteVersion {
    /// Its name.
    pub name: &'static str,
    /// Its workloads, all built in, the quickest first.
    pub workloads: &'static [&'static str],
    /// The published results that speeds are relative to, by name.
    pub reference: &'static str,
}

/// The present version: both tests of the article of 2020. `cifar100-resnet50` is not in it: it is the second of them
/// but for its last layer, so it would say the same again, and nothing is published that its total could be compared with.
pub const SUITE: SuiteVersion = SuiteVersion {
    name: "suite-1",
    workloads: &["fashion-mnist", "cifar10-resnet50"],
    reference: "Apple M1",
};

/// How a workload did.
#[derive(Debug, Clone, PartialEq)]
pub struct SuitePart<'a> {
    /// The record.
    pub record: &'a Record,
    /// The total of the whole training, measured or extrapolated.
    pub total_s: MedianSeconds,
    /// Whether it is extrapolated.
    pub is_extrapolated: bool,
    /// What was published of the reference machine.
    pub reference: &'static Published,
    /// How many times the reference's speed it has.
    pub ratio: f64,
    /// Its interval.
    pub ci95: Option<[f64; 2]>,
}

/// How each workload did, in the order of the records. One for which nothing is published is left out, and one
/// that was cut short: a part's time would pass for a whole one's.
pub fn parts(records: &[Record]) -> Vec<SuitePart<'_>> {
    records.iter().filter_map(part).collect()
}

fn part(record: &Record) -> Option<SuitePart<'_>> {
    let reference = named(SUITE.reference);
    let reference = reference
        .into_iter()
        .find(|it| it.workload == record.workload.name)?;
    let summary = &record.summary;
    let extrapolated = summary.extrapolated_total_s.clone();
    let is_extrapolated = extrapolated.is_some();
    let total_s = extrapolated.unwrap_or_else(|| summary.total_s.clone());
    let is_whole = is_extrapolated || !record.partial;
    if record.runs.is_empty() || total_s.median <= 0.0 || !is_whole {
        return None;
    }
    let ratio = reference.total_s / total_s.median;
    let ci95 = total_s
        .ci95
        .map(|[low, high]| [reference.total_s / high, reference.total_s / low]);
    Some(SuitePart {
        record,
        total_s,
        is_extrapolated,
        reference,
        ratio,
        ci95,
    })
}

/// The mean of all workloads of the suite.
///
/// # Errors
/// Why there is none: a part that is missing, failed, or of other samples.
pub fn mean(records: &[Record]) -> Result<Ratio, String> {
    let parts = parts(records);
    for name in SUITE.workloads {
        let record = records.iter().find(|it| it.workload.name == *name);
        let record = record.ok_or_else(|| format!("{name} is missing"))?;
        if let Some(reason) = unfit(record) {
            return Err(format!("{name} {reason}"));
        }
        if !parts.iter().any(|it| it.record.workload.name == *name) {
            return Err(format!("{name} has no total"));
        }
    }
    let ratios: Vec<Ratio> = parts.iter().map(SuitePart::as_ratio).collect();
    Ok(geometric_mean(&ratios))
}

impl SuitePart<'_> {
    fn as_ratio(&self) -> Ratio {
        Ratio {
            ratio: self.ratio,
            ci95: self.ci95,
        }
    }
}

/// Why a record's time is not one of the suite's.
fn unfit(record: &Record) -> Option<String> {
    if !matches!(
        record.gate.verdict,
        GateVerdict::Verified | GateVerdict::VerifiedSteps
    ) {
        return Some("is not verified".into());
    }
    if record.dataset.source != DatasetSource::Official {
        return Some("was not trained on the official samples".into());
    }
    if let Some(place) = divergence(record) {
        return Some(format!("diverged {place}"));
    }
    match record.partial_reason {
        None | Some(PartialReason::MaxSteps) => None,
        Some(_) => Some("was not trained to its end".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::published::results;

    #[test]
    fn each_workload_has_a_reference() {
        for name in SUITE.workloads {
            let mut published = results().iter();
            assert!(
                published.any(|it| it.name == SUITE.reference && it.workload == *name),
                "{name}"
            );
        }
    }
}
