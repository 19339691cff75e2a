//! What the runs of a record say together. Everything here can be derived again from them.

use laptime_measure::{
    Phases, Run,
    statistics::{drift, median, median_interval_95, outliers, scaled_mad},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Analysis, Bottleneck, Conditions};

/// Derived from the raw times of all whole runs but a cold one; from all, where there is no other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The total.
    pub total_s: MedianSeconds,
    /// Training throughput, the median of the runs.
    pub samples_per_s: f64,
    /// Model floating-point operations a second of training, the median of the runs: what the
    /// literature counts, so that engines compare, whatever they execute for it.
    pub achieved_flops: f64,
    /// What the whole training would take, where every run was cut short by `--max-steps`: an
    /// extrapolation, not a measurement. Null where nothing was cut.
    #[serde(default)]
    pub extrapolated_total_s: Option<MedianSeconds>,
    /// Whether totals drift from run to run, or hang on the one before: then the interval covers too
    /// little, and says nothing. Null where nobody asked.
    #[serde(default)]
    pub drifts: Option<bool>,
    /// In what condition the machine was; null in records of earlier versions.
    #[serde(default)]
    pub conditions: Option<Conditions>,
    /// Model FLOPs utilization: `achieved_flops` over the device's measured peak in the workload's precision,
    /// 0 to 1. (A. Chowdhery et al.: "PaLM", appendix B, 2022) Null where no peak was measured.
    #[serde(default)]
    pub model_flops_utilization: Option<f64>,
    /// The processor's energy for a sample of training, in joules: its mean power while a run was timed over the
    /// training throughput, the median of the runs. Null where the system does not tell.
    #[serde(default)]
    pub energy_per_sample_j: Option<f64>,
    /// What a step is bound by; null where it was not measured.
    #[serde(default)]
    pub bottleneck: Option<Bottleneck>,
}

/// A median with its interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MedianSeconds {
    /// The median of the runs.
    pub median: f64,
    /// The interval that covers the true median with about 95 % probability; null below 6 runs,
    /// which are too few to say, and where they drift.
    pub ci95: Option<[f64; 2]>,
    /// The median absolute deviation, times 1.4826: of normal times that is the standard deviation.
    #[serde(default)]
    pub mad: Option<f64>,
    /// The runs, counted from 0 among all of the record, that lie far from the others. They count all
    /// the same.
    #[serde(default)]
    pub outliers: Vec<u64>,
}

/// What the runs of a record did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// Model floating-point operations of a training sample.
    pub model_flops_per_sample: f64,
    /// The samples that a whole training sees, in all epochs.
    pub training_samples: u64,
    /// Samples a step.
    pub batch_size: u64,
    /// Threads of a CPU; else 1.
    pub threads: usize,
}

impl Summary {
    /// The summary of these runs.
    pub fn of(all: &[Run], work: Work, analysis: Option<&Analysis>) -> Self {
        let runs = counted(all);
        let totals: Vec<f64> = runs.iter().map(|run| run.total_s).collect();
        let speeds: Vec<f64> = runs.iter().map(|run| run.samples_per_s()).collect();
        let samples_per_s = median(&speeds).unwrap_or(0.0);
        let place = |index: &usize| {
            let run = runs[*index];
            let place = all.iter().position(|one| std::ptr::eq(one, run));
            place.map(|it| it as u64)
        };
        let whole: Option<Vec<f64>> = runs.iter().map(|run| whole_total_s(run, work)).collect();
        let achieved_flops = samples_per_s * work.model_flops_per_sample;
        let inputs: Vec<f64> = runs.iter().filter_map(|run| input_share(run)).collect();
        Self {
            total_s: MedianSeconds {
                outliers: outliers(&totals).iter().filter_map(place).collect(),
                ..MedianSeconds::of(&totals)
            },
            samples_per_s,
            achieved_flops,
            extrapolated_total_s: whole
                .filter(|totals| !totals.is_empty())
                .map(|totals| MedianSeconds::of(&totals)),
            drifts: drifts(&totals),
            conditions: Conditions::of(&runs, work.threads),
            model_flops_utilization: analysis
                .map(|it| achieved_flops / it.peaks.flops)
                .filter(|share| share.is_finite()),
            energy_per_sample_j: energy_per_sample_j(&runs),
            bottleneck: analysis.and_then(|it| it.bottleneck(median(&inputs).unwrap_or(0.0))),
        }
    }
}

impl MedianSeconds {
    /// Of these times, without a word on outliers.
    pub(crate) fn of(seconds: &[f64]) -> Self {
        Self {
            median: median(seconds).unwrap_or(0.0),
            // It would cover too little.
            ci95: median_interval_95(seconds).filter(|_| drifts(seconds) != Some(true)),
            mad: scaled_mad(seconds),
            outliers: Vec::new(),
        }
    }
}

/// The median energy of a sample of training.
fn energy_per_sample_j(runs: &[&Run]) -> Option<f64> {
    let of_run = |run: &&Run| {
        let power_w = run.telemetry.as_ref()?.mean_power_w?;
        let energy_j = power_w / run.samples_per_s();
        (energy_j.is_finite() && energy_j > 0.0).then_some(energy_j)
    };
    let all: Vec<f64> = runs.iter().filter_map(of_run).collect();
    median(&all)
}

/// The share of making samples ready in the time in which they are made ready and trained on.
fn input_share(run: &Run) -> Option<f64> {
    let Phases {
        prepare_s, train_s, ..
    } = run.phases;
    let share = prepare_s / (prepare_s + train_s);
    share.is_finite().then_some(share)
}

/// Whether values drift, or hang on the one before; `None` where there are too few to say.
fn drifts(values: &[f64]) -> Option<bool> {
    drift(values).map(|drift| drift.is_detected())
}

/// What a run would have taken to its end, had it not been cut short behind some steps; `None` where it
/// was not, or says too little: it trained nothing, or was not tested. Everything but training is done
/// once, however long the training is.
fn whole_total_s(run: &Run, work: Work) -> Option<f64> {
    let trained = run.trained_samples();
    let is_cut =
        run.test.is_some() && run.goal.is_none() && (1..work.training_samples).contains(&trained);
    is_cut.then(|| {
        let left = (work.training_samples - trained) as f64;
        // The first steps warm up caches; those that are left will not.
        let sample_s = match run.steady {
            Some(steady) => steady.mean_s / work.batch_size.max(1) as f64,
            None => run.phases.train_s / trained as f64,
        };
        run.total_s + left * sample_s
    })
}

/// The runs that a summary is of: an interrupted run, which has no test score, took less time than
/// a whole one and would only mislead beside it; and a first, cold one is not like those that follow.
pub(crate) fn counted(runs: &[Run]) -> Vec<&Run> {
    let is_whole = |run: &&Run| run.is_whole();
    let warm: Vec<&Run> = runs
        .iter()
        .filter(|run| is_whole(run) && !run.cold)
        .collect();
    if !warm.is_empty() {
        return warm;
    }
    let whole: Vec<&Run> = runs.iter().filter(is_whole).collect();
    if whole.is_empty() {
        runs.iter().collect()
    } else {
        whole
    }
}

/// The run with the median total, the faster of the middle two: the one whose phases are shown,
/// because medians of phases would not add up.
pub fn typical_run(runs: &[Run]) -> Option<&Run> {
    let mut runs = counted(runs);
    runs.sort_by(|a, b| a.total_s.total_cmp(&b.total_s));
    let middle = runs.len().checked_sub(1)? / 2;
    Some(runs[middle])
}

#[cfg(test)]
mod tests {
    use laptime_measure::{Epoch, Metrics, Test, telemetry::Telemetry};

    use super::*;

    fn run(samples: u64, train_s: f64) -> Run {
        Run {
            seed: 1,
            wall_s: 2.0 + train_s,
            total_s: 1.0 + train_s,
            phases: Phases {
                train_s,
                compile_s: 0.4,
                test_s: 0.6,
                ..Phases::default()
            },
            epochs: vec![Epoch {
                train_s,
                metrics: Metrics::of_classifier(1.0, 0.5),
                samples,
            }],
            step_s: None,
            test: Some(Test {
                metrics: Metrics::of_classifier(1.0, 0.5),
            }),
            peak_memory_bytes: None,
            resumed: Vec::new(),
            diverged: None,
            cold: false,
            steady: None,
            untested: false,
            step_series: None,
            goal: None,
            telemetry: None,
        }
    }

    const WORK: Work = Work {
        model_flops_per_sample: 1.0,
        training_samples: 1000,
        batch_size: 10,
        threads: 1,
    };

    #[test]
    fn only_training_is_extrapolated() {
        let cut: Vec<Run> = [2.0, 2.2, 2.1].map(|train_s| run(100, train_s)).into();
        let whole = Summary::of(&cut, WORK, None).extrapolated_total_s;
        let median = whole.expect("they were cut").median;
        assert!((median - (1.0 + 21.0)).abs() < 1e-9, "{median}");
        for not_cut in [
            vec![run(1000, 2.0)],
            vec![run(100, 2.0), run(1000, 2.0)],
            vec![run(0, 0.0)],
        ] {
            assert_eq!(Summary::of(&not_cut, WORK, None).extrapolated_total_s, None);
        }
        let mut untested = run(100, 2.0);
        untested.test = None;
        assert_eq!(
            Summary::of(&[untested], WORK, None).extrapolated_total_s,
            None
        );
    }

    #[test]
    fn a_cold_run_counts_only_where_it_is_alone() {
        let mut cold = run(1000, 9.0);
        cold.cold = true;
        let alone = Summary::of(std::slice::from_ref(&cold), WORK, None);
        assert_eq!(alone.total_s.median, 10.0);
        let with_others = [cold, run(1000, 2.0), run(1000, 2.0)];
        assert_eq!(Summary::of(&with_others, WORK, None).total_s.median, 3.0);
    }

    #[test]
    fn runs_that_drift_have_no_interval() {
        let slower: Vec<Run> = (0..12)
            .map(|n| run(1000, 2.0 + 0.1 * f64::from(n)))
            .collect();
        let summary = Summary::of(&slower, WORK, None);
        assert_eq!((summary.drifts, summary.total_s.ci95), (Some(true), None));
        let mut cut = slower;
        for run in &mut cut {
            run.epochs[0].samples = 100;
        }
        let whole = Summary::of(&cut, WORK, None).extrapolated_total_s;
        assert_eq!(whole.expect("they were cut").ci95, None);
    }

    #[test]
    fn outliers_are_numbered_among_all_runs() {
        let mut runs: Vec<Run> = (0..9)
            .map(|n| run(1000, 2.0 + 0.01 * f64::from(n)))
            .collect();
        runs[0].cold = true;
        runs[4] = run(1000, 9.0);
        assert_eq!(Summary::of(&runs, WORK, None).total_s.outliers, [4]);
    }

    #[test]
    fn energy_is_told_where_the_system_tells_the_power() {
        let mut measured = run(1000, 2.0);
        assert_eq!(
            Summary::of(&[measured.clone()], WORK, None).energy_per_sample_j,
            None
        );
        measured.telemetry = Some(Telemetry {
            mean_power_w: Some(50.0),
            ..Telemetry::default()
        });
        // 50 W for 2 ms a sample.
        let energy_j = Summary::of(&[measured], WORK, None).energy_per_sample_j;
        assert!(
            energy_j.is_some_and(|it| (it - 0.1).abs() < 1e-12),
            "{energy_j:?}"
        );
    }
}
