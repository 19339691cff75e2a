//! Nets on data of one's own pass the gate on every instruction set, and their scores are the oracle's.
#![cfg(not(miri))] // it reads files

mod common;

use std::{path::Path, sync::Arc};

use common::{
    assert_verified, device, in_bf16, instruction_sets, job, own_data::nets, planted, session,
};
use laptime_cpu::CpuEngine;
use laptime_engine::{
    Progress,
    gate::{Verdict, verify_against},
};
use laptime_graph::{Mode, State, build};
use laptime_reference::Reference;

const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/own-data");

#[test]
fn nets_on_data_of_ones_own_are_verified() {
    for workload in nets(Path::new(FOLDER), 7) {
        for workload in [workload.clone(), in_bf16(workload)] {
            assert_verified(&job(workload, 20 * 7 + 3, 2));
        }
    }
}

#[test]
fn scores_are_the_oracles() {
    for workload in nets(Path::new(FOLDER), 5) {
        let job = job(workload, 15, 2);
        let test = &job.dataset.test;
        let start = State::initial(&build(&job.workload, Mode::Training, 5), 1);
        let program = build(&job.workload, Mode::Evaluation, test.count());
        let mut oracle = Reference::of_program(&program);
        oracle.set_state(&start);
        let expected = oracle.step(test);
        for isa in instruction_sets() {
            let mut session = session(&job, isa);
            session.set_state(&start).unwrap();
            let score = session.evaluate(&Progress::new()).unwrap();
            let error = (score.loss_sum() / expected.loss_sum() - 1.0).abs();
            assert!(error < 1e-6, "{}, {isa}: {error}", job.workload.dataset);
            assert_eq!(score.sums[1], expected.sums[1]);
        }
    }
}

#[test]
fn other_inputs_are_caught_and_what_is_not_finite_does_not_disappear() {
    let devices: Vec<_> = instruction_sets().into_iter().map(device).collect();
    for workload in nets(Path::new(FOLDER), 6) {
        let truth = job(workload, 15, 2);
        if truth
            .workload
            .layers
            .iter()
            .all(|layer| layer.output.len() == 1)
        {
            planted::assert_nothing_disappears(&CpuEngine, &truth, &devices);
        }
        let mut planted = truth.clone();
        Arc::make_mut(&mut planted.workload).pixel_divisor *= 1.01;
        let verdict = verify_against(&CpuEngine, &planted, &device("portable"), &truth).unwrap();
        assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict}");
    }
}
