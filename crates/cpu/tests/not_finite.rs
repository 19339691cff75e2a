//! What is not a number stays so: NaN and ∞ are in loss and state wherever the oracle has them.

mod common;

use std::sync::Arc;

use common::{device, fashion_mnist, in_bf16, instruction_sets, job, net, planted, session};
use laptime_cpu::CpuEngine;
use laptime_engine::{Job, Progress};
use laptime_workload::{Optimizer, Sgd, epoch_order};

const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n";
const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.01\nmomentum = 0.9\n";

#[test]
fn what_is_not_finite_never_disappears() {
    let devices: Vec<_> = instruction_sets().into_iter().map(device).collect();
    for layers in planted::NETS {
        for optimizer in [ADAM, SGD] {
            let fp32 = net(layers, optimizer, 5);
            for workload in [fp32.clone(), in_bf16(fp32)] {
                planted::assert_nothing_disappears(&CpuEngine, &job(workload, 5, 2), &devices);
            }
        }
    }
}

/// The exponential once made e⁻⁸⁷ of not-a-number: a training whose loss was none had finite weights, and a
/// finite test loss.
#[test]
fn a_training_that_diverges_has_no_finite_test_loss() {
    let mut workload = fashion_mnist();
    workload.optimizer = Optimizer::Sgd(Sgd {
        learning_rate: 3e9,
        momentum: 0.0,
        nesterov: false,
        weight_decay: None,
        weights_only: false,
    });
    let job = Job {
        workload: Arc::new(workload),
        ..job(fashion_mnist(), 20 * 32, 2)
    };
    for isa in instruction_sets() {
        let mut session = session(&job, isa);
        let order = epoch_order(3, 0, 20 * 32, true);
        let score = session.train(&order, &Progress::new()).unwrap().score;
        assert!(!score.loss_sum().is_finite(), "{isa}: {}", score.loss_sum());
        let test = session.evaluate(&Progress::new()).unwrap();
        assert!(!test.loss_sum().is_finite(), "{isa}: {}", test.loss_sum());
        assert_eq!(test.sums[1], 0.0, "{isa}");
        let state = session.state().unwrap();
        let last = state
            .tensors
            .iter()
            .rfind(|one| one.name.contains("weight"));
        let last = last.expect("it has weights");
        let is_nan = last.values.iter().any(|value| value.is_nan());
        assert!(is_nan, "{isa}: {} is finite", last.name);
    }
}
