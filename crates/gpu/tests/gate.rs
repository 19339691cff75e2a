//! The gate passes the GPU engine for any net, whatever is fused; and it catches planted errors.

#[path = "../../cpu/tests/common/autoencoders.rs"]
mod autoencoders;
#[path = "../../cpu/tests/common/classes.rs"]
mod classes;
mod common;
#[path = "../../cpu/tests/common/own_data.rs"]
mod own_data;

use std::sync::Arc;

use autoencoders::{DENSE, IMAGES};
use classes::with_classes;
use common::{ADAM, adapter, builtin, dense_net, job, net_of};
use laptime_engine::{
    Job, Passes,
    gate::{Verdict, verify, verify_against},
};
use laptime_gpu::GpuEngine;
use laptime_graph::FusionKind;
use laptime_workload::{Activation, Adam, LayerKind, Loss, Optimizer, RateSchedule, Sgd, Workload};

fn fashion_mnist() -> Workload {
    builtin("fashion-mnist", None)
}

#[test]
fn fashion_mnist_is_verified() {
    let Some(device) = adapter() else { return };
    let verdict = verify(&GpuEngine::new(), &job(fashion_mnist(), 60_000), &device).unwrap();
    assert!(verdict.is_verified(), "{verdict}");
}

#[test]
fn every_pass_can_be_switched_off() {
    let Some(device) = adapter() else { return };
    let names = FusionKind::ALL.map(|kind| kind.to_string());
    let mut choices = vec![Vec::new()];
    for off in &names {
        choices.push(names.iter().filter(|name| *name != off).cloned().collect());
    }
    for on in choices {
        let passes = Passes::Only(on);
        let job = Job {
            passes: passes.clone(),
            ..job(dense_net(&[40], 8), 160)
        };
        let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
        assert!(verdict.is_verified(), "{verdict}: {passes:?}");
    }
}

#[test]
fn activations_are_verified() {
    let Some(device) = adapter() else { return };
    for activation in Activation::EXAMPLES {
        let mut workload = dense_net(&[21], 8);
        for layer in &mut workload.layers {
            if layer.kind == LayerKind::Activation(Activation::Relu) {
                layer.kind = LayerKind::Activation(activation);
            }
        }
        let verdict = verify(&GpuEngine::new(), &job(workload, 164), &device).unwrap();
        assert!(verdict.is_verified(), "{activation:?}: {verdict}");
    }
}

#[test]
fn nets_of_many_classes_are_verified() {
    let Some(device) = adapter() else { return };
    for classes in [257, 1000] {
        let job = with_classes(job(dense_net(&[20], 7), 20 * 7 + 3), classes);
        let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
        assert!(verdict.is_verified(), "{classes} classes: {verdict}");
    }
}

#[test]
fn smoothed_labels_are_verified_and_their_lack_is_caught() {
    let Some(device) = adapter() else { return };
    let smoothed = Workload {
        label_smoothing: 0.1,
        ..dense_net(&[21], 8)
    };
    let truth = job(smoothed, 164);
    let verdict = verify(&GpuEngine::new(), &truth, &device).unwrap();
    assert!(verdict.is_verified(), "{verdict}");
    let planted = job(dense_net(&[21], 8), 164);
    let verdict = verify_against(&GpuEngine::new(), &planted, &device, &truth).unwrap();
    assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict}");
}

#[test]
fn autoencoders_are_verified_and_another_divisor_is_caught() {
    let Some(device) = adapter() else { return };
    let none = Passes::Only(Vec::new());
    for (layers, passes) in [(DENSE, Passes::All), (DENSE, none), (IMAGES, Passes::All)] {
        let workload = net_of(Loss::MeanSquaredError, "fashion-mnist", layers, ADAM, 7);
        let truth = Job {
            passes,
            ..job(workload, 143)
        };
        let verdict = verify(&GpuEngine::new(), &truth, &device).unwrap();
        assert!(verdict.is_verified(), "{verdict}");
        let mut planted = truth.clone();
        Arc::make_mut(&mut planted.workload).pixel_divisor = 256.0;
        let verdict = verify_against(&GpuEngine::new(), &planted, &device, &truth).unwrap();
        assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict}");
    }
}

#[test]
fn schedules_of_the_learning_rate_are_verified() {
    let Some(device) = adapter() else { return };
    let (momentum, learning_rate) = (0.9, 0.1);
    for optimizer in [
        fashion_mnist().optimizer,
        Optimizer::Sgd(Sgd {
            learning_rate,
            momentum,
            nesterov: false,
            weight_decay: None,
            weights_only: false,
        }),
    ] {
        let mut workload = dense_net(&[21], 8);
        workload.optimizer = optimizer;
        workload.rate_schedule = Some(RateSchedule::Cosine {
            warmup_steps: 3,
            decay_steps: 9,
            final_share: 0.1,
        });
        let verdict = verify(&GpuEngine::new(), &job(workload, 164), &device).unwrap();
        assert!(verdict.is_verified(), "{optimizer:?}: {verdict}");
    }
}

#[test]
fn nets_of_any_depth_width_and_batch_are_verified() {
    let Some(device) = adapter() else { return };
    let table: [(&[usize], usize); 5] = [
        (&[], 4),
        (&[1], 1),
        (&[33], 7),
        (&[129, 17, 31], 9),
        (&[600, 100], 70),
    ];
    for (hidden, batch_size) in table {
        // A last batch of fewer samples, where a batch has more than one.
        let samples = 20 * batch_size + batch_size / 2;
        let job = job(dense_net(hidden, batch_size), samples);
        let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
        assert!(
            verdict.is_verified(),
            "{verdict}: {hidden:?}, batch {batch_size}"
        );
    }
}

#[test]
fn planted_errors_are_caught() {
    let Some(device) = adapter() else { return };
    let adam = |learning_rate, epsilon| {
        Optimizer::Adam(Adam {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon,
            corrected_epsilon: false,
        })
    };
    let truth = job(fashion_mnist(), 60_000);
    for (name, optimizer) in [
        ("epsilon 1e-8", adam(1e-3, 1e-8)),
        ("learning rate 1 % off", adam(1.01e-3, 1e-7)),
    ] {
        let mut workload = fashion_mnist();
        workload.optimizer = optimizer;
        let planted = Job {
            workload: Arc::new(workload),
            ..truth.clone()
        };
        let verdict = verify_against(&GpuEngine::new(), &planted, &device, &truth).unwrap();
        assert!(
            matches!(verdict, Verdict::Failed { .. }),
            "{name}: {verdict}"
        );
    }
}

#[test]
fn nets_on_data_of_ones_own_are_verified() {
    let Some(device) = adapter() else { return };
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/own-data");
    for workload in own_data::nets(folder.as_ref(), 7) {
        for passes in [Passes::All, Passes::Only(Vec::new())] {
            let job = Job {
                passes,
                ..job(workload.clone(), 143)
            };
            let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
            assert!(verdict.is_verified(), "{}: {verdict}", workload.dataset);
        }
    }
}
