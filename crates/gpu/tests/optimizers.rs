//! Every optimizer passes the gate on images and rows, whatever is fused, and one that leaves out what makes it
//! another does not.

mod common;
#[path = "../../cpu/tests/common/optimizers.rs"]
mod optimizers;

use common::{ADAM, adapter, job, net};
use laptime_engine::{
    Job, Passes,
    gate::{Verdict, verify, verify_against},
};
use laptime_gpu::GpuEngine;
use laptime_workload::Workload;
use optimizers::{
    ADAMW, AMSGRAD, AMSGRAD_DECAY, CORRECTED, LAYERS, NESTEROV, NESTEROV_DECAY, RMSPROP, SGD,
    SGD_DECAY, scheduled,
};

fn with(optimizer: &str) -> Workload {
    scheduled(net("fashion-mnist", LAYERS, optimizer, 18))
}

#[test]
fn optimizers_are_verified() {
    let Some(device) = adapter() else { return };
    for optimizer in [
        ADAMW,
        AMSGRAD,
        AMSGRAD_DECAY,
        CORRECTED,
        RMSPROP,
        NESTEROV,
        NESTEROV_DECAY,
        SGD_DECAY,
    ] {
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
    let all_decay = SGD_DECAY.replace("weights_only = true\n", "");
    for (name, right, wrong) in [
        ("decay missing", ADAMW, ADAM),
        ("AMSGrad's decay missing", AMSGRAD_DECAY, AMSGRAD),
        ("Nesterov's momentum missing", NESTEROV, SGD),
        ("SGD's decay missing", SGD_DECAY, SGD),
        ("biases decay, too", SGD_DECAY, &all_decay),
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
