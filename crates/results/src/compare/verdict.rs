//! One result against another: the ratio of their speeds, its interval, and what may be said of it.

use laptime_measure::statistics::{
    PairedRatio, Ratio, drift, holm, paired_ratio, ratio_of_independent_medians,
};
use serde::Serialize;

use super::{Occasions, Side, pairs};

/// The level of the paired test, after the correction for several.
const LEVEL: f64 = 0.05;

/// What may be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// In interleaved runs of one race, the first is faster, significantly.
    Faster,
    /// The same, slower.
    Slower,
    /// In interleaved runs of one race, no significant difference.
    NoDifference,
    /// Measured on another occasion, the first was faster, and the widened interval excludes equality. No
    /// claim of significance.
    MeasuredFaster,
    /// The same, slower.
    MeasuredSlower,
    /// The widened interval includes equality.
    CannotBeToldApart,
    /// Too few runs for an interval: there is only the estimate.
    NoInterval,
    /// The runs were not independent, so that no interval and no test holds.
    Drifting,
}

/// What the ratio rests on.
#[derive(Debug, Clone, PartialEq)]
pub enum Basis {
    /// Interleaved runs of one race, compared in pairs.
    Race(PairedRatio),
    /// Runs of different occasions; what is known of the spread from one to another, of each side that
    /// is a record.
    Apart([Option<Occasions>; 2]),
}

/// The first result against another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The short names of the first and of the other.
    pub names: [String; 2],
    /// How many times as fast the first is as the other, with its 95 % interval; `None` where one has no
    /// times.
    pub ratio: Option<Ratio>,
    /// What it rests on.
    pub basis: Basis,
    /// The p value of the paired test, corrected for all comparisons of the invocation.
    pub corrected_p: Option<f64>,
    /// How many tests it is corrected for.
    pub tests: usize,
    /// What may be said.
    pub verdict: Verdict,
    /// How many runs count, of each.
    pub runs: [usize; 2],
    /// Which of the two has runs that drift, or whose ratio does.
    pub drifting: Vec<String>,
    /// The reasons against comparing them, where that was forced.
    pub warnings: Vec<String>,
}

impl Comparison {
    pub(super) fn of(
        one: &Side,
        other: &Side,
        names: [String; 2],
        occasions: [Option<Occasions>; 2],
        warnings: Vec<String>,
    ) -> Self {
        let (a, b) = (one.totals_s(), other.totals_s());
        let paired = pairs::of(one, other)
            .and_then(|(a, b)| Some((paired_ratio(&b, &a)?, is_drifting(&ratios(&b, &a)))));
        let (ratio, basis, drifting) = match paired {
            Some((paired, drifts)) => {
                let ratio = Ratio {
                    ratio: paired.ratio,
                    ci95: paired.ci95,
                };
                let drifting = drifts.then(|| "the ratio of the two".to_owned());
                (
                    Some(ratio),
                    Basis::Race(paired),
                    drifting.into_iter().collect(),
                )
            }
            None => {
                let sides = names.iter().zip([&a, &b]);
                let drifting = sides.filter(|(_, totals)| is_drifting(totals));
                let drifting = drifting.map(|(name, _)| name.clone()).collect();
                let log_sd = log_sd_of_two(&occasions);
                let ratio = ratio_of_independent_medians(&b, &a, log_sd);
                (ratio, Basis::Apart(occasions), drifting)
            }
        };
        let mut comparison = Self {
            names,
            ratio,
            corrected_p: match &basis {
                Basis::Race(paired) => Some(paired.p),
                Basis::Apart(_) => None,
            },
            basis,
            tests: 1,
            verdict: Verdict::NoInterval,
            runs: [a.len(), b.len()],
            drifting,
            warnings,
        };
        comparison.judge();
        comparison
    }

    /// Says what may be said.
    fn judge(&mut self) {
        if !self.drifting.is_empty() {
            // An interval would be too narrow.
            if let Some(ratio) = &mut self.ratio {
                ratio.ci95 = None;
            }
            self.verdict = Verdict::Drifting;
            return;
        }
        let Some(Ratio {
            ratio,
            ci95: Some([low, high]),
        }) = self.ratio
        else {
            self.verdict = Verdict::NoInterval;
            return;
        };
        let is_faster = ratio > 1.0;
        self.verdict = match (&self.basis, is_faster) {
            (Basis::Race(_), _) if self.corrected_p.is_none_or(|p| p >= LEVEL) => {
                Verdict::NoDifference
            }
            (Basis::Race(_), true) => Verdict::Faster,
            (Basis::Race(_), false) => Verdict::Slower,
            (Basis::Apart(_), _) if low <= 1.0 && 1.0 <= high => Verdict::CannotBeToldApart,
            (Basis::Apart(_), true) => Verdict::MeasuredFaster,
            (Basis::Apart(_), false) => Verdict::MeasuredSlower,
        };
    }

    /// By how much the first is slower, as a share of the other's time, as far as a gate of somebody's own
    /// should mind: by the estimate, unless the verdict is that there is no difference, that they cannot
    /// be told apart, or that the runs say nothing because they drift. Without an interval, the estimate
    /// alone decides.
    pub fn slower_by(&self) -> Option<f64> {
        match self.verdict {
            Verdict::NoDifference | Verdict::CannotBeToldApart | Verdict::Drifting => None,
            Verdict::Faster
            | Verdict::Slower
            | Verdict::MeasuredFaster
            | Verdict::MeasuredSlower
            | Verdict::NoInterval => {
                let slower_by = 1.0 / self.ratio?.ratio - 1.0;
                Some(slower_by).filter(|share| *share > 0.0)
            }
        }
    }
}

/// Several tests together: with twenty comparisons, one would be significant by chance.
pub(super) fn correct_for_several(comparisons: &mut [Comparison]) {
    let tested = |comparison: &Comparison| matches!(comparison.basis, Basis::Race(_));
    let p_values: Vec<f64> = comparisons
        .iter()
        .filter(|it| tested(it))
        .filter_map(|it| it.corrected_p)
        .collect();
    let corrected = holm(&p_values);
    for (comparison, p) in comparisons
        .iter_mut()
        .filter(|it| tested(it))
        .zip(corrected)
    {
        comparison.corrected_p = Some(p);
        comparison.tests = p_values.len();
        comparison.judge();
    }
}

/// One spread for both: their squares add up in the ratio's interval, twice the spread that is given.
fn log_sd_of_two(occasions: &[Option<Occasions>; 2]) -> f64 {
    let known = occasions.iter().flatten();
    let squares: Vec<f64> = known.map(|it| it.log_sd().powi(2)).collect();
    (squares.iter().sum::<f64>() / squares.len().max(1) as f64).sqrt()
}

fn ratios(above: &[f64], below: &[f64]) -> Vec<f64> {
    above.iter().zip(below).map(|(a, b)| a / b).collect()
}

fn is_drifting(values: &[f64]) -> bool {
    drift(values).is_some_and(|drift| drift.is_detected())
}
