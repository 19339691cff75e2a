//! Records of the same training by several engines, ranked.

use laptime_measure::{
    Run,
    statistics::{Ratio, holm, median, paired_ratio},
};

use crate::{GateVerdict, Record, summary::counted};

/// Who is how fast.
#[derive(Debug)]
pub struct Standings<'a> {
    /// What the engines are ranked by.
    pub measure: Measure,
    /// The engines whose training the gate has verified, the fastest first.
    pub verified: Vec<Standing<'a>>,
    /// Those that do another training, or of which nobody knows, the fastest first: their times are no
    /// match for the others'.
    pub refused: Vec<Standing<'a>>,
    /// Those that failed, or made no whole run.
    pub failed: Vec<&'a Record>,
}

/// What engines are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The total of a run.
    Total,
    /// The time of a training step: the total of a training that was cut short says little of a
    /// whole one, as compiling and testing weigh more in it.
    Step,
}

/// One engine's times.
#[derive(Debug)]
pub struct Standing<'a> {
    /// All that is known of it.
    pub record: &'a Record,
    /// The whole runs, on which everything here rests.
    pub runs: usize,
    /// The median total.
    pub total_s: f64,
    /// The median epoch of all runs.
    pub epoch_s: f64,
    /// The median of the runs' mean steps.
    pub step_s: f64,
    /// The ratio of what is ranked by to that of the fastest verified engine; `None` where there is
    /// no such engine.
    pub ratio: Option<Ratio>,
    /// The same of a training epoch, whatever is ranked by: compiling and starting weigh nothing in it.
    pub epoch_ratio: Option<Ratio>,
    /// How likely so large a ratio is by chance between engines that are as fast as each other: Wilcoxon's
    /// signed-rank test of the rounds, corrected for the number of engines (Holm); `None` for the fastest,
    /// and where there are too few rounds.
    pub p: Option<f64>,
    /// Starting the process and compiling, in the first run.
    pub cold_start_s: f64,
    /// The median compile time.
    pub compile_s: f64,
    /// The most that any run took.
    pub peak_memory_bytes: Option<u64>,
    /// The median test accuracy.
    pub test_accuracy: Option<f64>,
}

impl<'a> Standings<'a> {
    /// Ranks the records, which are of the same training.
    pub fn of(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let (timed, failed): (Vec<&Record>, Vec<&Record>) = records
            .into_iter()
            .partition(|record| record.error.is_none() && whole(record).next().is_some());
        let is_cut = timed
            .iter()
            .any(|record| whole(record).any(|run| run.trained_samples() < all_samples(record)));
        let measure = if is_cut {
            Measure::Step
        } else {
            Measure::Total
        };
        let mut standings: Vec<Standing> = timed.into_iter().filter_map(Standing::of).collect();
        standings.sort_by(|a, b| a.time_s(measure).total_cmp(&b.time_s(measure)));
        let (mut verified, mut refused): (Vec<Standing>, Vec<Standing>) = standings
            .into_iter()
            .partition(|standing| match standing.record.gate.verdict {
                GateVerdict::Verified | GateVerdict::VerifiedSteps => true,
                GateVerdict::Failed | GateVerdict::NotAsked => false,
            });
        let fastest = verified.first();
        if let Some((fastest, epochs_s)) =
            fastest.map(|first| (first.times_s(measure), first.epochs_s()))
        {
            let mut all = verified.iter_mut().chain(&mut refused);
            if let Some(first) = all.next() {
                // By definition, whatever the rounds say.
                first.ratio = Some(Ratio {
                    ratio: 1.0,
                    ci95: None,
                });
            }
            let mut others: Vec<&mut Standing> = all.collect();
            let paired: Vec<_> = others
                .iter()
                .map(|standing| paired_ratio(&standing.times_s(measure), &fastest))
                .collect();
            for standing in &mut others {
                standing.epoch_ratio =
                    paired_ratio(&standing.epochs_s(), &epochs_s).map(Ratio::from);
            }
            let p: Vec<f64> = paired.iter().map(|it| it.map_or(1.0, |it| it.p)).collect();
            for ((standing, paired), p) in others.iter_mut().zip(paired).zip(holm(&p)) {
                standing.ratio = paired.map(Ratio::from);
                standing.p = paired.and_then(|it| it.ci95).map(|_| p);
            }
        }
        Self {
            measure,
            verified,
            refused,
            failed,
        }
    }
}

impl<'a> Standing<'a> {
    fn of(record: &'a Record) -> Option<Self> {
        let runs: Vec<&Run> = whole(record).collect();
        let median_of = |value: fn(&Run) -> f64| {
            let values: Vec<f64> = runs.iter().map(|run| value(run)).collect();
            median(&values)
        };
        let epochs: Vec<f64> = runs
            .iter()
            .flat_map(|run| run.epochs.iter().map(|epoch| epoch.train_s))
            .collect();
        let first = record.runs.first()?;
        let tests = runs.iter().filter_map(|run| run.test.as_ref());
        let accuracies: Vec<f64> = tests.filter_map(|test| test.metrics.accuracy()).collect();
        Some(Self {
            record,
            runs: runs.len(),
            total_s: median_of(|run| run.total_s)?,
            epoch_s: median(&epochs)?,
            step_s: median(&steps_s(record))?,
            ratio: None,
            epoch_ratio: None,
            p: None,
            cold_start_s: first.phases.start_s + first.phases.compile_s,
            compile_s: median_of(|run| run.phases.compile_s)?,
            peak_memory_bytes: runs.iter().filter_map(|run| run.peak_memory_bytes).max(),
            test_accuracy: median(&accuracies),
        })
    }

    /// The median of what is ranked by.
    pub fn time_s(&self, measure: Measure) -> f64 {
        match measure {
            Measure::Total => self.total_s,
            Measure::Step => self.step_s,
        }
    }

    /// The median epoch of every whole run.
    fn epochs_s(&self) -> Vec<f64> {
        let of = |run: &Run| -> Vec<f64> { run.epochs.iter().map(|epoch| epoch.train_s).collect() };
        whole(self.record)
            .map(|run| median(&of(run)).unwrap_or(f64::NAN))
            .collect()
    }

    fn times_s(&self, measure: Measure) -> Vec<f64> {
        match measure {
            Measure::Total => whole(self.record).map(|run| run.total_s).collect(),
            Measure::Step => steps_s(self.record),
        }
    }
}

/// The runs that came to their test, without a cold one where there are others.
fn whole(record: &Record) -> impl Iterator<Item = &Run> {
    counted(&record.runs)
        .into_iter()
        .filter(|run| run.is_whole())
}

/// The samples that a whole training sees.
fn all_samples(record: &Record) -> u64 {
    record.workload.epochs * record.epoch_samples()
}

/// The mean training step of every whole run: not the percentiles, because not every engine lets
/// its steps be seen.
fn steps_s(record: &Record) -> Vec<f64> {
    let steps = |run: &Run| -> u64 {
        let of_epoch = |samples: u64| samples.div_ceil(record.workload.batch_size);
        run.epochs
            .iter()
            .map(|epoch| of_epoch(epoch.samples))
            .sum::<u64>()
    };
    whole(record)
        .map(|run| run.phases.train_s / steps(run).max(1) as f64)
        .collect()
}
