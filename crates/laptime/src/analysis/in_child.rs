//! The measurements: a step as it is, with half the batch and with half the threads, in turn; then its
//! kernels.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use laptime_engine::{Engine, EngineError, Job, Peaks, Profile, StepCosts};
use laptime_results::{Analysis, BandwidthFacts, KernelKind, PeakFacts};
use laptime_workload::{Workload, dataset::synthetic};

use super::{peaks, roofline::bound_by};
use crate::{child::GateJob, engines, failure::Failure, matrix_units::would_be_used, sweep::Timed};

/// Each of them is timed so often.
const ROUNDS: usize = 5;
/// Samples are for so many operations at least, in steps that follow each other: a tenth of a second.
const OPERATIONS: f64 = 2e10;
/// As many as that are made at most; steps go through them again.
const MOST_SAMPLES: usize = 16_384;

/// Analyses a job; `None` where its engine or device does not say what it reaches at best.
///
/// # Errors
/// Where the engine cannot run it.
pub fn analyse(asked: GateJob) -> Result<Option<Analysis>, Failure> {
    let start = Instant::now();
    let engine = engines::find("--engine", &asked.engine)?;
    // What matrix units reach at best is not measured.
    if would_be_used(&asked.workload, &asked.passes, &asked.device) {
        return Ok(None);
    }
    let precision = asked.workload.precision;
    let Some(peaks) = peaks::peaks(engine, &asked.device, asked.threads, precision)? else {
        return Ok(None);
    };
    let batch_size = asked.workload.batch_size;
    let job = Job {
        dataset: Arc::new(synthetic(
            asked.workload.dataset.description(),
            samples(&asked.workload),
            1,
        )),
        workload: Arc::new(asked.workload),
        threads: asked.threads,
        passes: asked.passes,
        profile: false,
    };
    let compiled = |job: Job| -> Result<Timed, EngineError> {
        let session = engine.compile(&job, &asked.device)?;
        Timed::new(job, session)
    };
    let mut whole = compiled(job.clone())?;
    let mut half_batch = (batch_size > 1)
        .then(|| compiled(with_batch(&job, batch_size / 2)))
        .transpose()?;
    let is_processor = asked.device.threads.is_some() || asked.device.isa.is_some();
    let mut half_threads = (is_processor && job.threads > 1)
        .then(|| {
            let mut fewer = job.clone();
            fewer.threads /= 2;
            compiled(fewer)
        })
        .transpose()?;
    for _ in 0..ROUNDS {
        whole.round()?;
        for other in [&mut half_batch, &mut half_threads].into_iter().flatten() {
            other.round()?;
        }
    }
    let costs = whole.session().step_costs();
    let steps = whole.steps;
    let step_s = whole.step_s;
    let profile = profile(engine, job, &asked.device, steps)?;
    // A batch of an odd size has no half: its time is that of as many samples as half of it has.
    let scale = batch_size as f64 / 2.0 / (batch_size / 2).max(1) as f64;
    let times = |timed: Option<Timed>| timed.map_or_else(Vec::new, |timed| timed.step_s);
    let (kernels, waiting_s) = match &profile {
        Some(profile) => (kinds(profile, &peaks), profile.waiting_step_s),
        None => (vec![as_one_kernel(&step_s, costs, &peaks)], 0.0),
    };
    Ok(Some(Analysis {
        analysis_s: start.elapsed().as_secs_f64(),
        peaks: PeakFacts {
            flops: peaks.flops,
            bandwidths: peaks.bandwidths.iter().map(bandwidth).collect(),
        },
        kernels,
        waiting_s,
        half_batch_step_s: times(half_batch).iter().map(|time| time * scale).collect(),
        half_threads_step_s: times(half_threads),
        step_s,
    }))
}

/// Enough samples for whole batches in a row.
fn samples(workload: &Workload) -> usize {
    let flops = laptime_graph::build(workload, laptime_graph::Mode::Training, 1).model_flops();
    let enough = (OPERATIONS / flops.max(1) as f64) as usize;
    let batch_size = workload.batch_size;
    enough
        .min(MOST_SAMPLES)
        .max(4 * batch_size)
        .next_multiple_of(batch_size)
}

fn with_batch(job: &Job, batch_size: usize) -> Job {
    Job {
        workload: Arc::new(Workload {
            batch_size,
            ..Workload::clone(&job.workload)
        }),
        ..job.clone()
    }
}

/// The kernels of a step; `None` where the engine cannot tell them apart.
fn profile(
    engine: &dyn Engine,
    mut job: Job,
    device: &laptime_engine::Device,
    steps: u64,
) -> Result<Option<Profile>, EngineError> {
    job.profile = true;
    let session = engine.compile(&job, device)?;
    let mut timed = Timed::of_steps(job, session, steps);
    // The second has warm caches.
    timed.round()?;
    timed.round()?;
    Ok(timed.into_session().profile())
}

fn bandwidth(one: &laptime_engine::Bandwidth) -> BandwidthFacts {
    BandwidthFacts {
        bytes: one.bytes,
        bytes_per_s: one.bytes_per_s,
    }
}

/// The kernels by kind, the longest first.
fn kinds(profile: &Profile, peaks: &Peaks) -> Vec<KernelKind> {
    let mut kinds: BTreeMap<&str, KernelKind> = BTreeMap::new();
    for kernel in &profile.kernels {
        let bound = bound_by(kernel, peaks);
        let kind = kinds.entry(&kernel.kernel).or_insert_with(|| KernelKind {
            kernel: kernel.kernel.clone(),
            calls: 0,
            step_s: 0.0,
            flops: 0,
            bytes: 0,
            compute_s: 0.0,
            memory_s: 0.0,
        });
        kind.calls += 1;
        kind.step_s += kernel.step_s;
        kind.flops += kernel.flops;
        kind.bytes += kernel.traffic.iter().map(|touch| touch.bytes).sum::<u64>();
        kind.compute_s += bound.compute_s;
        kind.memory_s += bound.memory_s;
    }
    let mut kinds: Vec<KernelKind> = kinds.into_values().collect();
    kinds.sort_by(|a, b| b.step_s.total_cmp(&a.step_s));
    kinds
}

/// A step whose kernels nobody sees: its operations are all that is known of it.
fn as_one_kernel(step_s: &[f64], costs: StepCosts, peaks: &Peaks) -> KernelKind {
    let step_s = laptime_measure::statistics::median(step_s).unwrap_or(0.0);
    let flops = costs.executed_flops.unwrap_or(costs.model_flops);
    KernelKind {
        kernel: "step".into(),
        calls: 1,
        step_s,
        flops,
        bytes: 0,
        compute_s: peaks.compute_s(flops).min(step_s),
        memory_s: 0.0,
    }
}
