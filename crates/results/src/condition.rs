//! In what condition the machine was during the runs of a record, judged anew from what was observed.

use laptime_measure::{
    Run,
    telemetry::{Condition, judge},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What may be said of the machine during several runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Conditions {
    /// The runs that were looked at.
    pub runs: u64,
    /// Runs that others took time from.
    pub disturbed: u64,
    /// Runs in which the processor slowed down.
    pub throttled: u64,
    /// Runs of which nobody knows.
    pub not_measured: u64,
    /// The worst of all.
    pub worst: Condition,
}

impl Conditions {
    /// The conditions of these runs on so many threads; `None` without runs.
    pub fn of(runs: &[&Run], threads: usize) -> Option<Self> {
        let of_run = |run: &&Run| match &run.telemetry {
            Some(telemetry) => judge(telemetry, threads),
            None => Condition::NotMeasured {
                why: "nobody looked".into(),
            },
        };
        let all: Vec<Condition> = runs.iter().map(of_run).collect();
        let count = |is: fn(&Condition) -> bool| all.iter().filter(|one| is(one)).count() as u64;
        Some(Self {
            runs: all.len() as u64,
            disturbed: count(|one| matches!(one, Condition::Disturbed { .. })),
            throttled: count(|one| matches!(one, Condition::Throttled { .. })),
            not_measured: count(|one| matches!(one, Condition::NotMeasured { .. })),
            worst: all
                .into_iter()
                .max_by(|a, b| badness(a).total_cmp(&badness(b)))?,
        })
    }

    /// Whether nothing was seen that costs time, in any run that was observed.
    pub fn is_clean(&self) -> bool {
        self.disturbed == 0 && self.throttled == 0 && self.not_measured < self.runs
    }
}

/// Orders conditions; among the disturbed and throttled, by what was lost.
fn badness(condition: &Condition) -> f64 {
    match condition {
        Condition::Clean => -1.0,
        Condition::NotMeasured { .. } => -2.0,
        Condition::Disturbed { lost_share, .. } | Condition::Throttled { lost_share, .. } => {
            *lost_share
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_decides_what_is_worst() {
        let throttled = Condition::Throttled {
            from_s: 0.0,
            slower_share: 0.2,
            lost_share: 0.1,
        };
        let disturbed = Condition::Disturbed {
            by: Vec::new(),
            lost_share: 0.3,
        };
        let unknown = Condition::NotMeasured { why: String::new() };
        let order = [&unknown, &Condition::Clean, &throttled, &disturbed].map(badness);
        assert!(order.is_sorted(), "{order:?}");
    }
}
