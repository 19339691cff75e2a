//! More classes than the loss holds at once.

mod common;

use common::{
    assert_verified, classes::with_classes, dense_net, device, instruction_sets, job, planted,
    session,
};
use laptime_cpu::CpuEngine;
use laptime_engine::Progress;
use laptime_graph::{Mode, State, build};
use laptime_reference::Reference;

/// One tile, one class more, many tiles, and tiles that end with a block.
const CLASSES: [usize; 4] = [256, 257, 1000, 1040];

#[test]
fn nets_of_many_classes_are_verified() {
    for classes in CLASSES {
        // With all passes loss and gradient are one kernel, with none they are two.
        let job = job(dense_net(&[20], 7), 20 * 7 + 3, 2);
        assert_verified(&with_classes(job, classes));
    }
}

#[test]
fn what_is_not_finite_does_not_disappear_among_many_classes() {
    let devices: Vec<_> = instruction_sets().into_iter().map(device).collect();
    for classes in [257, 1000] {
        let job = with_classes(job(dense_net(&[9], 5), 5, 2), classes);
        planted::assert_nothing_disappears(&CpuEngine, &job, &devices);
    }
}

/// The bias of the last layer alone decides, and two classes of different tiles are as likely.
#[test]
fn of_equal_classes_the_first_is_the_answer_in_whichever_tile() {
    let job = with_classes(job(dense_net(&[9], 5), 5, 2), 1000);
    let test = &job.dataset.test;
    let program = build(&job.workload, Mode::Evaluation, test.count());
    for largest in [[97, 600], [200, 999], [5, 7], [300, 301]] {
        let training = build(&job.workload, Mode::Training, 5);
        let mut start = State::initial(&training, 1);
        for tensor in &mut start.tensors {
            if tensor.name == "last.weight" {
                tensor.values.fill(0.0);
            } else if tensor.name == "last.bias" {
                for class in largest {
                    tensor.values[class] = 1.5;
                }
            }
        }
        let mut oracle = Reference::of_program(&program);
        oracle.set_state(&start);
        let expected = oracle.step(test);
        for isa in instruction_sets() {
            let mut session = session(&job, isa);
            session.set_state(&start).unwrap();
            let score = session.evaluate(&Progress::new()).unwrap();
            assert_eq!(score.sums[1], expected.sums[1], "{isa}, {largest:?}");
            let error = (score.loss_sum() / expected.loss_sum() - 1.0).abs();
            assert!(error < 1e-6, "{isa}, {largest:?}: {error}");
        }
    }
}
