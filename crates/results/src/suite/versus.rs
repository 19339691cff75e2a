//! Two suites against each other: workload by workload, and on average.

use laptime_measure::statistics::{
    Ratio, geometric_mean, ratio_of_medians_with_intervals, widened_for_occasions,
};

use super::{SuitePart, parts, unfit};
use crate::{
    Record,
    compare::{ASSUMED_LOG_SD, short_names},
};

/// What may be said of two suites.
#[derive(Debug, Clone, PartialEq)]
pub struct Versus {
    /// A short name for each.
    pub names: [String; 2],
    /// The workloads, in the order of the first suite.
    pub workloads: Vec<VersusPart>,
    /// How many times as fast the first is on average: the geometric mean of the ratios. Its interval is
    /// widened for what a machine differs from one occasion to another.
    pub mean: Ratio,
}

/// A workload of both.
#[derive(Debug, Clone, PartialEq)]
pub struct VersusPart {
    /// Its name.
    pub workload: String,
    /// The totals, measured or extrapolated.
    pub totals_s: [f64; 2],
    /// Whether either is extrapolated.
    pub is_extrapolated: bool,
    /// How many times as fast the first is, by the runs of these two occasions alone.
    pub ratio: Ratio,
}

/// Compares two suites.
///
/// # Errors
/// All reasons why they cannot be compared: other versions, a workload that one of them lacks or that failed.
pub fn versus(one: &[Record], other: &[Record]) -> Result<Versus, Vec<String>> {
    let mut reasons = Vec::new();
    let version = |records: &[Record]| {
        let suite = records.first().and_then(|it| it.suite.as_ref());
        suite.map_or("none".to_owned(), |it| it.version.clone())
    };
    let versions = [version(one), version(other)];
    if versions[0] != versions[1] {
        reasons.push(format!("version: {} and {}", versions[0], versions[1]));
    }
    let (ours, theirs) = (parts(one), parts(other));
    for record in one.iter().chain(other) {
        let name = &record.workload.name;
        let has = |all: &[SuitePart]| all.iter().any(|it| it.record.workload.name == *name);
        if let Some(why) = unfit(record) {
            reasons.push(format!("{name} {why}"));
        } else if !has(&ours) || !has(&theirs) {
            reasons.push(format!("{name} is in one of them alone, or has no time"));
        }
    }
    reasons.sort();
    reasons.dedup();
    let pairs: Vec<(&SuitePart, &SuitePart)> = ours
        .iter()
        .filter_map(|our| {
            let name = &our.record.workload.name;
            let their = theirs.iter().find(|it| it.record.workload.name == *name)?;
            Some((our, their))
        })
        .collect();
    if let Some((our, their)) = pairs.iter().find(|(our, their)| differ(our, their)) {
        reasons.push(format!(
            "{}: the digests or the samples differ, so that is another training ({})",
            our.record.workload.name, their.record.laptime.version
        ));
    }
    let (Some(first), Some(second)) = (one.first(), other.first()) else {
        return Err(vec!["one of them has no record".into()]);
    };
    if !reasons.is_empty() || pairs.is_empty() {
        return Err(reasons);
    }
    let workloads: Vec<VersusPart> = pairs.iter().map(|(our, their)| part(our, their)).collect();
    Ok(Versus {
        names: short_names(first, second),
        mean: mean(&workloads),
        workloads,
    })
}

fn differ(our: &SuitePart, their: &SuitePart) -> bool {
    let key = |it: &SuitePart| {
        let record = it.record;
        (
            record.workload.digest.clone(),
            record.dataset.sha256.clone(),
        )
    };
    key(our) != key(their)
}

fn part(our: &SuitePart, their: &SuitePart) -> VersusPart {
    let (a, b) = (&our.total_s, &their.total_s);
    VersusPart {
        workload: our.record.workload.name.clone(),
        totals_s: [a.median, b.median],
        is_extrapolated: our.is_extrapolated || their.is_extrapolated,
        ratio: ratio_of_medians_with_intervals((b.median, b.ci95), (a.median, a.ci95)),
    }
}

fn mean(all: &[VersusPart]) -> Ratio {
    let ratios: Vec<Ratio> = all.iter().map(|it| it.ratio).collect();
    let Ratio { ratio, ci95 } = geometric_mean(&ratios);
    Ratio {
        ratio,
        // All workloads of a suite are of one occasion, so that its factor stays whole in their mean.
        ci95: ci95.map(|ends| widened_for_occasions(ratio, ends, ASSUMED_LOG_SD)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part_of(ratio: f64, ci95: Option<[f64; 2]>) -> VersusPart {
        VersusPart {
            workload: "w".into(),
            totals_s: [1.0, ratio],
            is_extrapolated: false,
            ratio: Ratio { ratio, ci95 },
        }
    }

    #[test]
    fn the_mean_is_geometric_and_as_wide_as_an_occasion_at_least() {
        let exact = |ratio: f64| part_of(ratio, Some([ratio, ratio]));
        let mean_of = mean(&[exact(2.0), exact(8.0)]);
        assert!((mean_of.ratio - 4.0).abs() < 1e-12);
        let [low, high] = mean_of.ci95.unwrap();
        // 1.96·√2·5 %: 14 % on either side.
        assert!((high / 4.0 - 1.149).abs() < 1e-3, "{high}");
        assert!((4.0 / low - 1.149).abs() < 1e-3, "{low}");
        let unknown = mean(&[exact(2.0), part_of(8.0, None)]);
        assert_eq!(unknown.ci95, None);
    }
}
