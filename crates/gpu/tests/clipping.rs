//! Gradients that are clipped by the norm of all of them pass the gate, whatever is fused; those that are not, or
//! otherwise, do not.

mod common;
#[path = "../../cpu/tests/common/optimizers.rs"]
mod optimizers;

use common::{adapter, job, net};
use laptime_engine::{
    Job, Passes,
    gate::{Verdict, verify, verify_against},
};
use laptime_gpu::{GpuEngine, Target, lower};
use laptime_graph::{Mode, build, schedule::Layout};
use laptime_workload::Workload;
use optimizers::{
    ADAMW, AMSGRAD, AMSGRAD_DECAY, CORRECTED, LAYERS, NESTEROV, NESTEROV_DECAY, RMSPROP, SGD,
    SGD_DECAY, scheduled,
};

/// A convolution with so many positions and so few filters that its weights' gradient is left in partial sums.
const SPLIT: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 3, kernel = 3, stride = 1, padding = "same", bias = true },
    { name = "relu1", kind = "relu" },
    { name = "pool", kind = "max_pool", size = 4, stride = 4, padding = "valid" },
    { name = "flatten", kind = "flatten" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

fn clipped(layers: &str, optimizer: &str, norm: Option<f64>) -> Workload {
    Workload {
        global_clip_norm: norm,
        ..scheduled(net("fashion-mnist", layers, optimizer, 18))
    }
}

#[test]
fn clipped_gradients_are_verified() {
    let Some(device) = adapter() else { return };
    for (layers, optimizer, norm) in [
        (LAYERS, ADAMW, 0.3),
        (LAYERS, CORRECTED, 0.3),
        (LAYERS, RMSPROP, 0.3),
        (LAYERS, AMSGRAD, 0.3),
        (LAYERS, AMSGRAD_DECAY, 0.3),
        (LAYERS, SGD_DECAY, 0.3),
        (LAYERS, NESTEROV_DECAY, 1e6),
        (LAYERS, NESTEROV, 1e6),
        (SPLIT, SGD, 0.3),
    ] {
        for passes in [Passes::All, Passes::Only(Vec::new())] {
            let job = Job {
                passes: passes.clone(),
                ..job(clipped(layers, optimizer, Some(norm)), 18 * 20 + 5)
            };
            let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
            assert!(verdict.is_verified(), "{optimizer}, {passes:?}: {verdict}");
        }
    }
}

#[test]
fn partial_sums_are_tested() {
    let program = build(&clipped(SPLIT, SGD, Some(0.3)), Mode::Training, 18);
    let schedule = lower(&program, Target::COMMON, &Passes::All).unwrap();
    let mut layouts = schedule.buffers.iter().map(|buffer| buffer.layout);
    assert!(layouts.any(|layout| matches!(layout, Layout::FilterPartials { .. })));
}

#[test]
fn gradients_that_are_clipped_otherwise_are_caught() {
    let Some(device) = adapter() else { return };
    let truth = job(clipped(LAYERS, ADAMW, Some(0.3)), 18 * 20 + 5);
    for wrong in [None, Some(0.303)] {
        let planted = job(clipped(LAYERS, ADAMW, wrong), 18 * 20 + 5);
        let verdict = verify_against(&GpuEngine::new(), &planted, &device, &truth).unwrap();
        assert!(
            matches!(verdict, Verdict::Failed { .. }),
            "{wrong:?}: {verdict}"
        );
    }
}
