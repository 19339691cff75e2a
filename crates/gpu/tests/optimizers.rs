//! Every optimizer passes the gate on images and rows, whatever is fused, and one that leaves out what makes it
//! another does not.

mod common;

use common::{ADAM, adapter, job, net};
use laptime_engine::{
    Job, Passes,
    gate::{Verdict, verify, verify_against},
};
use laptime_gpu::GpuEngine;
use laptime_workload::{RateSchedule, Workload};

const ADAMW: &str = "kind = \"adamw\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\n\
                     epsilon = 1e-7\nweight_decay = 0.1\n";
const RMSPROP: &str = "kind = \"rmsprop\"\nlearning_rate = 0.001\nalpha = 0.99\nepsilon = 1e-3\n";
const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9\n";
const NESTEROV: &str = "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9\nnesterov = true\n";

/// Convolutions, the last of a single position, where eight of nine taps are dead; a bias in front of a batch
/// norm, whose gradient is 0; dense layers.
fn with(optimizer: &str) -> Workload {
    let layers = r#"layer = [
        { name = "c1", kind = "conv2d", filters = 18, kernel = 3, stride = 7, padding = "same", bias = true },
        { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "relu1", kind = "relu" },
        { name = "pool", kind = "avg_pool", size = 4, stride = 4, padding = "valid" },
        { name = "c2", kind = "conv2d", filters = 20, kernel = 3, stride = 1, padding = "same", bias = true },
        { name = "relu2", kind = "relu" },
        { name = "flatten", kind = "flatten" },
        { name = "fc1", kind = "dense", units = 21 },
        { name = "relu3", kind = "relu" },
        { name = "fc2", kind = "dense", units = 10 },
    ]"#;
    let schedule = RateSchedule::Linear {
        warmup_steps: 2,
        decay_steps: 30,
        final_share: 0.1,
    };
    Workload {
        rate_schedule: Some(schedule),
        ..net("fashion-mnist", layers, optimizer, 18)
    }
}

#[test]
fn optimizers_are_verified() {
    let Some(device) = adapter() else { return };
    for optimizer in [ADAMW, RMSPROP, NESTEROV] {
        for passes in [Passes::All, Passes::Only(Vec::new())] {
            let job = Job {
                passes: passes.clone(),
                ..job(with(optimizer), 18 * 20 + 5)
            };
            let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
            assert!(verdict.is_verified(), "{optimizer}, {passes:?}: {verdict}");
        }
    }
}

#[test]
fn one_optimizer_does_not_pass_for_another() {
    let Some(device) = adapter() else { return };
    for (name, right, wrong) in [
        ("decay missing", ADAMW, ADAM),
        ("Nesterov's momentum missing", NESTEROV, SGD),
    ] {
        let truth = job(with(right), 18 * 20 + 5);
        let planted = job(with(wrong), 18 * 20 + 5);
        let verdict = verify_against(&GpuEngine::new(), &planted, &device, &truth).unwrap();
        assert!(
            matches!(verdict, Verdict::Failed { .. }),
            "{name}: {verdict}"
        );
    }
}
