//! Steps of several micro-batches pass the gate, whatever is fused, clipped or left in partial sums.

mod common;
#[path = "../../cpu/tests/common/optimizers.rs"]
mod optimizers;

use common::{adapter, job, net};
use laptime_engine::{Engine, Job, Passes, Progress, gate::verify};
use laptime_gpu::{GpuEngine, Target, lower};
use laptime_graph::TrainingStep;
use laptime_workload::Workload;
use optimizers::{
    ADAMW, AMSGRAD, AMSGRAD_DECAY, CORRECTED, LAYERS, NESTEROV, NESTEROV_DECAY, RMSPROP, SGD,
    SGD_DECAY, scheduled,
};

const BATCH: usize = 18;

/// A convolution whose weights' gradient is left in partial sums, and dropout.
const SPLIT: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 3, kernel = 3, stride = 1, padding = "same", bias = true },
    { name = "relu1", kind = "relu" },
    { name = "pool", kind = "max_pool", size = 4, stride = 4, padding = "valid" },
    { name = "flatten", kind = "flatten" },
    { name = "drop", kind = "dropout", rate = 0.3 },
    { name = "fc", kind = "dense", units = 10 },
]"#;

fn in_micro_batches(layers: &str, optimizer: &str, size: usize, norm: Option<f64>) -> Workload {
    Workload {
        micro_batch_size: Some(size),
        global_clip_norm: norm,
        ..scheduled(net("fashion-mnist", layers, optimizer, BATCH))
    }
}

#[test]
fn accumulated_gradients_are_verified() {
    let Some(device) = adapter() else { return };
    for (layers, optimizer, size, norm) in [
        (LAYERS, CORRECTED, 6, None),
        (LAYERS, RMSPROP, 4, Some(0.3)),
        (LAYERS, AMSGRAD, 4, Some(0.3)),
        (LAYERS, AMSGRAD_DECAY, 4, None),
        (LAYERS, SGD_DECAY, 4, Some(0.3)),
        (SPLIT, SGD, 7, None),
        (SPLIT, NESTEROV_DECAY, 6, None),
        (SPLIT, NESTEROV, 6, None),
        (SPLIT, ADAMW, 6, Some(0.3)),
    ] {
        for passes in [Passes::All, Passes::Only(Vec::new())] {
            let job = Job {
                passes: passes.clone(),
                ..job(
                    in_micro_batches(layers, optimizer, size, norm),
                    BATCH * 20 + 5,
                )
            };
            let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
            assert!(verdict.is_verified(), "{optimizer}, {passes:?}: {verdict}");
        }
    }
}

/// Steps, not micro-batches, are counted, and a training stops between two of them.
#[test]
fn a_step_is_all_of_its_micro_batches() {
    let Some(device) = adapter() else { return };
    let samples = 3 * BATCH + 5;
    let job = job(in_micro_batches(SPLIT, SGD, 4, None), samples);
    let mut session = GpuEngine::new().compile(&job, &device).unwrap();
    let order: Vec<u32> = (0..samples as u32).collect();
    let report = session.train(&order, &Progress::new()).unwrap();
    assert_eq!(report.score.samples, samples as u64);
    assert_eq!(session.state().unwrap().steps, 4);
    if let Some(step_s) = report.step_s {
        assert_eq!(step_s.len(), 4);
    }
    let progress = Progress::new();
    progress.stop();
    let report = session.train(&order, &progress).unwrap();
    let steps = session.state().unwrap().steps - 4;
    assert_eq!(report.score.samples.div_ceil(BATCH as u64), steps);
}

/// Each kernel once, with what all of its micro-batches take.
#[test]
fn the_profile_of_a_step_has_all_of_its_micro_batches() {
    let Some(device) = adapter() else { return };
    let samples = 3 * BATCH + 5;
    let workload = in_micro_batches(SPLIT, SGD, 4, None);
    let step = TrainingStep::of(&workload, BATCH);
    let job = Job {
        profile: true,
        ..job(workload, samples)
    };
    let mut session = GpuEngine::new().compile(&job, &device).unwrap();
    let order: Vec<u32> = (0..samples as u32).collect();
    let report = session.train(&order, &Progress::new()).unwrap();
    let Some(step_s) = report.step_s else {
        eprintln!("skipped: the adapter has no clock");
        return;
    };
    let profile = session.profile().unwrap();
    let flops: u64 = profile.kernels.iter().map(|kernel| kernel.flops).sum();
    let of_programs = step.programs().map(|(program, runs)| {
        let schedule = lower(program, Target::COMMON, &Passes::All).unwrap();
        let kernels = schedule.stages.iter().flat_map(|stage| &stage.kernels);
        let flops = kernels.map(|kernel| kernel.flops(program, &schedule.simplifications));
        runs as u64 * flops.sum::<u64>()
    });
    assert_eq!(flops, of_programs.sum::<u64>());
    // Four micro-batches of four and one of two.
    assert_eq!(step.accumulating.as_ref().map(|(_, runs)| *runs), Some(4));
    let convolutions = profile
        .kernels
        .iter()
        .filter(|one| one.makes == "relu1" || one.makes == "c1");
    let runs: Vec<usize> = convolutions.map(|kernel| kernel.traffic.len()).collect();
    assert!(runs.contains(&4) && runs.contains(&1), "{runs:?}");
    let kernels_s: f64 = profile.kernels.iter().map(|kernel| kernel.step_s).sum();
    let all_s = kernels_s + profile.waiting_step_s;
    // Of the three whole steps; what passes between two micro-batches is nobody's.
    let longest_s = step_s[..3].iter().fold(0.0_f32, |most, one| most.max(*one));
    assert!(
        kernels_s > 0.0 && all_s <= 1.01 * f64::from(longest_s),
        "{all_s} of {longest_s}"
    );
    assert!(profile.kernels.iter().all(|kernel| kernel.step_s > 0.0));
}
