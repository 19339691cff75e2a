//! Autoencoders pass the gate on every instruction set; one that compares with other pixels does not.

mod common;

use std::sync::Arc;

use common::{
    assert_verified,
    autoencoders::{DENSE, IMAGES},
    device, in_bf16, instruction_sets, job, net_of, planted, session,
};
use laptime_cpu::CpuEngine;
use laptime_engine::{
    Progress,
    gate::{Verdict, verify_against},
};
use laptime_graph::{Mode, State, build};
use laptime_reference::Reference;
use laptime_workload::{Loss, Workload};

const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n";

fn autoencoder(layers: &str, batch_size: usize) -> Workload {
    net_of(Loss::MeanSquaredError, layers, ADAM, batch_size)
}

#[test]
fn autoencoders_are_verified() {
    for layers in [DENSE, IMAGES] {
        let workload = autoencoder(layers, 7);
        for workload in [workload.clone(), in_bf16(workload)] {
            assert_verified(&job(workload, 20 * 7 + 3, 2));
        }
    }
}

#[test]
fn another_divisor_is_caught() {
    let truth = job(autoencoder(DENSE, 7), 143, 2);
    let mut planted = truth.clone();
    Arc::make_mut(&mut planted.workload).pixel_divisor = 256.0;
    let verdict = verify_against(&CpuEngine, &planted, &device("portable"), &truth).unwrap();
    assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict}");
}

#[test]
fn what_is_not_finite_does_not_disappear_in_an_autoencoder() {
    let devices: Vec<_> = instruction_sets().into_iter().map(device).collect();
    let job = job(autoencoder(DENSE, 5), 5, 2);
    planted::assert_nothing_disappears(&CpuEngine, &job, &devices);
}

#[test]
fn the_score_on_the_test_samples_is_the_oracles() {
    let job = job(autoencoder(DENSE, 7), 7, 2);
    let test = &job.dataset.test;
    let start = State::initial(&build(&job.workload, Mode::Training, 7), 1);
    let program = build(&job.workload, Mode::Evaluation, test.count());
    let mut oracle = Reference::of_program(&program);
    oracle.set_state(&start);
    let expected = oracle.step(test);
    for isa in instruction_sets() {
        let mut session = session(&job, isa);
        session.set_state(&start).unwrap();
        let score = session.evaluate(&Progress::new()).unwrap();
        let error = (score.loss_sum() / expected.loss_sum() - 1.0).abs();
        assert!(error < 1e-6 && score.sums[1] == 0.0, "{isa}: {error}");
    }
}
