//! ResNet50 on the GPU: one step of the whole net.

mod common;

use common::{adapter, builtin, job, session};
use laptime_engine::Progress;
use laptime_graph::{Mode, State, build};
use laptime_reference::{Reference, Rounding};
use laptime_workload::{Precision, Workload};

/// One step at a small batch, from the initial state: the loss and every moment must be the
/// oracle's, as far as rounding allows; how far that is, the coarsely rounded oracle tells.
#[test]
fn one_step_of_the_whole_net_is_the_oracles() {
    is_the_oracles(Precision::Fp32, [1e-5, 1e-3], 2.0);
}

/// As far as the gate allows in this precision.
#[test]
fn one_step_in_bf16_is_the_oracles() {
    is_the_oracles(Precision::Bf16, [1e-4, 5e-3], 4.0);
}

/// What loss and changes may differ by relative to them, and how many times as far as the coarse oracle's.
#[track_caller]
fn is_the_oracles(precision: Precision, [of_loss, of_change]: [f64; 2], noise: f64) {
    let Some(device) = adapter() else { return };
    let batch_size = 8;
    let workload = Workload {
        precision,
        ..builtin("cifar10-resnet50", Some(batch_size))
    };
    let job = job(workload, 8);
    let program = build(&job.workload, Mode::Training, batch_size as usize);
    let start = State::initial(&program, 1);
    let step = |rounding| {
        let mut reference = Reference::of_program(&program).with_rounding(rounding);
        reference.set_state(&start);
        let step = reference.step(&job.dataset.train);
        (step.loss_sum(), reference.state())
    };
    let ((expected_loss, expected), (rounded_loss, rounded)) =
        (step(Rounding::None), step(Rounding::Coarse { draw: 0 }));
    let mut session = session(&job, &device);
    session.set_state(&start).unwrap();
    let score = session
        .train(&[0, 1, 2, 3, 4, 5, 6, 7], &Progress::new())
        .unwrap()
        .score;
    let difference = (score.loss_sum() - expected_loss).abs() / expected_loss;
    let allowed = of_loss + noise * (rounded_loss - expected_loss).abs() / expected_loss;
    assert!(difference <= allowed, "loss: {difference:e} > {allowed:e}");
    let given = session.state().unwrap();
    let distance = |a: &[f64], b: &[f64]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b) * (a - b))
            .sum::<f64>()
            .sqrt()
    };
    for ((given, expected), (rounded, before)) in given
        .tensors
        .iter()
        .zip(&expected.tensors)
        .zip(rounded.tensors.iter().zip(&start.tensors))
    {
        if !given.name.ends_with(".m") && !given.name.contains("running") {
            continue;
        }
        let change = distance(&expected.values, &before.values);
        let allowed = of_change * change
            + 1e-6 * (expected.values.len() as f64).sqrt()
            + noise * distance(&rounded.values, &expected.values);
        let difference = distance(&given.values, &expected.values);
        assert!(
            difference <= allowed,
            "{}: {difference:e} > {allowed:e}",
            given.name
        );
    }
}
