//! What cannot be true of a record, whoever wrote it. What passes here can be computed with: no sum
//! overflows, no ratio is infinite, nothing is divided by 0.

use laptime_measure::Run;

use crate::{Record, utc};

/// The longest time that is believed: 300 years.
const MOST_SECONDS: f64 = 1e10;
/// The shortest total that is believed: no clock is finer.
const LEAST_TOTAL_S: f64 = 1e-9;
/// The largest count that a double holds exactly, as other programs read JSON.
const MOST_COUNTED: u64 = 1 << 53;
/// More than any device does.
const MOST_FLOPS: f64 = 1e21;
/// More runs than anybody makes; tests of pairs take time and memory with the square of them.
const MOST_RUNS: usize = 10_000;
/// An id is the name of a file.
const LONGEST_ID: usize = 64;
/// What phases may miss of the total, beside 1 %: the rounding of clocks in short runs.
const PHASES_MISS_S: f64 = 1e-3;
/// Of many faults the first ones are named.
const MOST_NAMED: usize = 5;

/// What cannot be right in this record; empty where all can.
pub fn faults(record: &Record) -> Vec<String> {
    let mut faults = of_the_whole(record);
    for (index, run) in record.runs.iter().enumerate().take(MOST_RUNS) {
        let of_run = of_run(record, run);
        faults.extend(of_run.map(|what| format!("run {}: {what}", index + 1)));
        if faults.len() > MOST_NAMED {
            faults.truncate(MOST_NAMED);
            faults.push("and more".into());
            break;
        }
    }
    faults
}

fn of_the_whole(record: &Record) -> Vec<String> {
    let (workload, dataset) = (&record.workload, &record.dataset);
    let is_id_character = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let id = &record.id;
    let mut faults = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned());
        }
    };
    must(
        !id.is_empty() && id.len() <= LONGEST_ID && id.chars().all(is_id_character),
        "its id is not of letters, digits and hyphens",
    );
    must(
        utc::seconds(&record.created).is_some(),
        "created is no time like 2026-11-23T18:42:00Z",
    );
    must(record.runs.len() <= MOST_RUNS, "more than 10,000 runs");
    must(
        (1..=MOST_COUNTED).contains(&workload.batch_size),
        "batch_size is 0 or beyond all counting",
    );
    must(
        workload
            .micro_batch_size
            .is_none_or(|size| (1..=workload.batch_size).contains(&size)),
        "micro_batch_size is 0 or beyond batch_size",
    );
    let samples = workload.epochs.checked_mul(dataset.train_samples);
    must(
        samples.is_some_and(|samples| samples <= MOST_COUNTED),
        "epochs × train_samples is beyond all counting",
    );
    must(
        workload.model_flops_per_step <= MOST_COUNTED
            && workload.executed_flops_per_step.unwrap_or(0) <= MOST_COUNTED
            && workload.parameters <= MOST_COUNTED
            && dataset.test_samples <= MOST_COUNTED,
        "a count beyond all counting",
    );
    if let Some(topology) = &record.machine.topology {
        let mut counts = topology.cores.iter().chain([&topology.threads]);
        let quota = topology.quota_cores.unwrap_or(1.0);
        must(
            !topology.cores.is_empty()
                && counts.all(|count| *count as u64 <= MOST_COUNTED)
                && quota.is_finite()
                && quota > 0.0,
            "machine.topology is of no machine",
        );
    }
    must(
        record.partial == record.partial_reason.is_some(),
        "partial and partial_reason contradict each other",
    );
    if let Some(analysis) = &record.analysis {
        let kinds = analysis.kernels.iter();
        let times = kinds.flat_map(|kind| [kind.step_s, kind.compute_s, kind.memory_s]);
        let steps = analysis.step_s.iter().chain(&analysis.half_batch_step_s);
        let steps = steps.chain(&analysis.half_threads_step_s).copied();
        let mut all = times
            .chain(steps)
            .chain([analysis.waiting_s, analysis.analysis_s]);
        must(
            all.all(is_time) && (1.0..=MOST_FLOPS).contains(&analysis.peaks.flops),
            "its analysis has a time or a peak that cannot be",
        );
    }
    must(
        record.sustain_s.is_none_or(is_time) && is_time(record.gate.gate_s),
        "gate_s or sustain_s is no time of 0 s or more",
    );
    faults
}

/// The first thing that cannot be right in a run.
fn of_run(record: &Record, run: &Run) -> Option<String> {
    let phases = &run.phases;
    if !(LEAST_TOTAL_S..=MOST_SECONDS).contains(&run.total_s) {
        return Some(format!(
            "total_s is {:?}, no time that a run takes",
            run.total_s
        ));
    }
    let steps = run.step_s.map(|step| [step.p50, step.p95, step.p99]);
    let steps = steps.into_iter().flatten().map(|value| ("step_s", value));
    let epochs = run
        .epochs
        .iter()
        .map(|epoch| ("an epoch's train_s", epoch.train_s));
    let whole = [("wall_s", run.wall_s)].into_iter();
    let mut times = whole.chain(phases.named()).chain(steps).chain(epochs);
    if let Some((name, value)) = times.find(|(_, value)| !is_time(*value)) {
        return Some(format!("{name} is {value:?}, no time of 0 s or more"));
    }
    let sum_s = phases.sum_s();
    if (sum_s - run.total_s).abs() > 0.01 * run.total_s + PHASES_MISS_S {
        return Some(format!(
            "its phases add up to {sum_s:?} s, its total_s is {:?}",
            run.total_s
        ));
    }
    let samples = run.epochs.iter().try_fold(0u64, |sum, epoch| {
        sum.checked_add(epoch.samples)
            .filter(|sum| *sum <= MOST_COUNTED)
    });
    let Some(samples) = samples else {
        return Some("it trained on samples beyond all counting".into());
    };
    let all = record
        .workload
        .epochs
        .saturating_mul(record.epoch_samples());
    let is_cut = samples != all || run.test.is_none();
    (is_cut && !record.partial).then(|| {
        format!(
            "trained on {samples} of {all} samples or was not tested, and the record is not partial"
        )
    })
}

fn is_time(seconds: f64) -> bool {
    (0.0..=MOST_SECONDS).contains(&seconds)
}
