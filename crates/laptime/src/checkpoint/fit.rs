//! Whether a checkpoint fits the training that is to go on from it. Its digest only says that nothing was
//! damaged: whoever wrote the file may have written anything, and all of it goes into a record.

use laptime_engine::Job;
use laptime_graph::Program;
use laptime_measure::{Divergence, Metric, SoFar};
use laptime_workload::MetricEntry;

use super::file::{Checkpoint, Identity};

/// No training takes three centuries.
const MOST_SECONDS: f64 = 1e10;
/// Nor a pebibyte of memory.
const MOST_MEMORY_BYTES: u64 = 1 << 50;
/// What a sum of times may differ by from the whole: as the phases of a record, and some clock ticks.
const TIME_TOLERANCE: f64 = 0.01;
const TIME_TOLERANCE_S: f64 = 0.01;

/// How one training is not the other, if it is not.
pub(super) fn differs(found: &Identity, asked: &Identity) -> Option<String> {
    if found.workload != asked.workload {
        let (found, asked) = (&found.workload, &asked.workload);
        Some(format!("of {found}, not of {asked}"))
    } else if found.seed != asked.seed {
        Some(format!("with seed {}, not {}", found.seed, asked.seed))
    } else if found.training != asked.training {
        let what = "with another model, loss, optimizer, schedule, batch size, precision or other initial weights";
        Some(what.into())
    } else if found.dataset != asked.dataset {
        Some("on other samples".into())
    } else {
        None
    }
}

/// What of a checkpoint does not fit the training that it says it is of.
pub(super) fn misfits(found: &Checkpoint, program: &Program, job: &Job) -> Option<String> {
    let Checkpoint { state, so_far, .. } = found;
    let workload = &job.workload;
    let tensors: Vec<_> = program.persistent().map(|(_, tensor)| tensor).collect();
    let by_name = state.by_name();
    for tensor in &tensors {
        let is_there = by_name
            .get(tensor.name.as_str())
            .is_some_and(|found| found.shape == tensor.shape);
        if !is_there {
            return Some(format!("it has no {} of this model's shape", tensor.name));
        }
    }
    let samples = workload.epoch_samples(job.dataset.train.count()) as u64;
    let batch_size = workload.batch_size as u64;
    let epoch_steps = samples.div_ceil(batch_size);
    let fits = state.tensors.len() == tensors.len()
        && so_far.epochs.iter().all(|epoch| epoch.samples == samples)
        && so_far.score.samples < samples
        && so_far.score.samples.is_multiple_of(batch_size)
        && so_far.steps(epoch_steps, batch_size) == state.steps
        && counts_fit(so_far, state.steps, epoch_steps)
        && metrics_fit(so_far, workload.loss.metrics());
    if !fits {
        return Some("its parts contradict each other".into());
    }
    if let Some(what) = wrong_time(so_far) {
        return Some(what);
    }
    let (done, asked) = (so_far.epochs.len(), workload.epochs);
    let is_beyond = done > asked || done == asked && so_far.score.samples > 0;
    is_beyond.then(|| format!("it has done {done} epochs, more than the {asked} asked for"))
}

/// Whether all that is counted can have been counted in a training of so many steps.
fn counts_fit(so_far: &SoFar, steps: u64, epoch_steps: u64) -> bool {
    let step_s = so_far.step_s.as_ref();
    let epochs = so_far.epochs.len() as u64 + 1;
    let is_place = |place: &Divergence| {
        let Divergence {
            epoch,
            step,
            last_step,
        } = *place;
        (1..=epochs).contains(&epoch) && 1 <= step && step <= last_step && last_step <= epoch_steps
    };
    step_s.is_none_or(|step_s| step_s.len() as u64 == steps)
        && so_far.resumed.is_sorted_by_key(|it| it.step)
        && so_far.resumed.last().is_none_or(|it| it.step <= steps)
        && so_far.diverged.as_ref().is_none_or(is_place)
        && so_far
            .peak_memory_bytes
            .is_none_or(|bytes| bytes <= MOST_MEMORY_BYTES)
}

/// Whether the metrics are these, and a share what it can be.
fn metrics_fit(so_far: &SoFar, metrics: &[MetricEntry]) -> bool {
    let is_share = |entry: &MetricEntry| entry.unit == "share";
    let is_mean = |(found, entry): (&Metric, &MetricEntry)| {
        let is_same = (&found.name[..], &found.unit[..]) == (entry.name, entry.unit);
        is_same && (!is_share(entry) || (0.0..=1.0).contains(&found.value))
    };
    let samples = so_far.score.samples as f64;
    let mut sums = so_far.score.sums.iter().zip(metrics);
    sums.all(|(sum, entry)| !is_share(entry) || (0.0..=samples).contains(sum))
        && so_far.epochs.iter().all(|epoch| {
            epoch.metrics.iter().count() == metrics.len()
                && epoch.metrics.iter().zip(metrics).all(is_mean)
        })
}

/// What is wrong with the times, if anything is.
fn wrong_time(so_far: &SoFar) -> Option<String> {
    let named = [
        ("wall_s", so_far.wall_s),
        ("total_s", so_far.total_s),
        ("the time of its last epoch", so_far.epoch_s),
    ];
    let named = named.into_iter().chain(so_far.phases.named());
    let epochs = so_far
        .epochs
        .iter()
        .map(|it| ("the time of an epoch", it.train_s));
    let steps = so_far.step_s.iter().flatten();
    let steps = steps.map(|step_s| ("the time of a step", f64::from(*step_s)));
    let mut all = named.chain(epochs).chain(steps);
    if let Some((name, seconds)) = all.find(|(_, seconds)| !(0.0..=MOST_SECONDS).contains(seconds))
    {
        return Some(format!("{name} is {seconds} s"));
    }
    let of_epochs: f64 = so_far.epochs.iter().map(|epoch| epoch.train_s).sum();
    let contradicts = !is_close(so_far.phases.sum_s(), so_far.total_s)
        || !is_close(of_epochs + so_far.epoch_s, so_far.phases.train_s);
    contradicts.then(|| "its times contradict each other".into())
}

fn is_close(sum_s: f64, whole_s: f64) -> bool {
    (sum_s - whole_s).abs() <= TIME_TOLERANCE * whole_s + TIME_TOLERANCE_S
}

#[cfg(test)]
mod tests {
    use laptime_engine::Score;
    use laptime_measure::{Epoch, Metrics, Phases, Resumption};
    use laptime_workload::Loss;

    use super::*;

    /// Six steps in two of three epochs of four steps of 32 samples.
    fn so_far() -> SoFar {
        let phases = Phases {
            load_s: 0.5,
            checkpoint_s: 0.1,
            ..Phases::of_total(3.0, 0.1, 0.4, 1.5, 0.0)
        };
        SoFar {
            epochs: vec![Epoch {
                train_s: 1.0,
                metrics: Metrics::of_classifier(0.5, 0.75),
                samples: 128,
            }],
            score: Score {
                samples: 64,
                sums: [f64::NAN, 30.0],
            },
            epoch_s: 0.5,
            step_s: Some(vec![0.25; 6]),
            total_s: 3.0,
            phases,
            wall_s: 4.0,
            peak_memory_bytes: Some(1 << 30),
            resumed: vec![Resumption {
                step: 6,
                before: None,
            }],
            diverged: Some(Divergence {
                epoch: 2,
                step: 1,
                last_step: 4,
            }),
        }
    }

    #[test]
    fn times_that_cannot_be_are_refused() {
        assert_eq!(wrong_time(&so_far()), None);
        assert_eq!(wrong_time(&SoFar::nothing()), None);
        type Change = fn(&mut SoFar, f64);
        let changes: [Change; 8] = [
            |it, s| it.wall_s = s,
            |it, s| it.total_s = s,
            |it, s| it.phases.train_s = s,
            |it, s| it.phases.load_s = s,
            |it, s| it.phases.other_s = s,
            |it, s| it.epoch_s = s,
            |it, s| it.epochs[0].train_s = s,
            |it, s| it.step_s = Some(vec![s as f32; 6]),
        ];
        for (number, change) in changes.iter().enumerate() {
            for seconds in [f64::NAN, f64::INFINITY, -5.0, -1e-300, 1e308] {
                let mut changed = so_far();
                change(&mut changed, seconds);
                // Below what single precision has, a step takes −0 s.
                let is_lost = number == 7 && seconds == -1e-300;
                let is_refused = wrong_time(&changed).is_some();
                assert_eq!(is_refused, !is_lost, "{number}: {seconds}");
            }
        }
        let mut changed = so_far();
        changed.total_s = 9.0;
        assert!(wrong_time(&changed).is_some(), "phases are not the total's");
        let mut changed = so_far();
        changed.epochs[0].train_s = 2.0;
        assert!(
            wrong_time(&changed).is_some(),
            "epochs take longer than training"
        );
    }

    #[test]
    fn counts_that_cannot_be_are_refused() {
        assert!(counts_fit(&so_far(), 6, 4));
        assert!(counts_fit(&SoFar::nothing(), 0, 4));
        let unseen = SoFar {
            step_s: None,
            ..so_far()
        };
        assert!(
            counts_fit(&unseen, 6, 4),
            "not every engine shows its steps"
        );
        let changes: [fn(&mut SoFar); 8] = [
            |it| it.step_s = Some(vec![0.25; 5]),
            |it| it.step_s = Some(vec![0.25; 7]),
            |it| it.step_s = Some(Vec::new()),
            |it| it.resumed[0].step = 1 << 63,
            |it| {
                it.resumed.push(Resumption {
                    step: 2,
                    before: None,
                })
            },
            |it| {
                it.diverged = Some(Divergence {
                    epoch: 0,
                    step: 1,
                    last_step: 1,
                })
            },
            |it| {
                it.diverged = Some(Divergence {
                    epoch: 1,
                    step: 3,
                    last_step: 2,
                })
            },
            |it| it.peak_memory_bytes = Some(u64::MAX),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut changed = so_far();
            change(&mut changed);
            assert!(!counts_fit(&changed, 6, 4), "{number}");
        }
    }

    #[test]
    fn metrics_that_cannot_be_are_refused() {
        let metrics = Loss::SoftmaxCrossEntropy.metrics();
        assert!(metrics_fit(&so_far(), metrics));
        assert!(metrics_fit(&SoFar::nothing(), metrics));
        let changes: [fn(&mut SoFar); 5] = [
            |it| it.score.sums[1] = 65.0,
            |it| it.score.sums[1] = f64::NAN,
            |it| it.epochs[0].metrics = Metrics::of_classifier(0.5, 1.5),
            |it| it.epochs[0].metrics = Metrics::of_classifier(0.5, f64::NAN),
            |it| it.epochs[0].metrics = Metrics::new([("loss", "nats", 0.5)]),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut changed = so_far();
            change(&mut changed);
            assert!(!metrics_fit(&changed, metrics), "{number}");
        }
    }
}
