//! Augmented images pass the gate, in training alone, and give the same bits on any number of threads.

mod common;

use common::{
    assert_threads_change_no_bit, assert_verified, augmented, bits, dense_net, device, image_net,
    job, session,
};
use laptime_cpu::CpuEngine;
use laptime_engine::{
    Job, Progress,
    gate::{Verdict, verify_against},
};
use laptime_workload::{Augment, Workload};

const BATCH: usize = 18;

/// Rows of the batch's values, images side by side, and both in micro-batches.
fn cases() -> Vec<Workload> {
    let [rows, images] = [dense_net(&[20], BATCH), image_net(BATCH)].map(augmented);
    let in_parts = |workload: &Workload| Workload {
        micro_batch_size: Some(7),
        ..workload.clone()
    };
    vec![in_parts(&rows), in_parts(&images), rows, images]
}

#[test]
fn augmented_images_are_verified_on_every_instruction_set() {
    for workload in cases() {
        assert_verified(&job(workload, 20 * BATCH + 5, 2));
    }
}

#[test]
fn another_crop_another_flip_or_none_is_found_out() {
    let truth = job(augmented(dense_net(&[20], BATCH)), 20 * BATCH, 2);
    let failed = |changed: Workload| {
        let changed = Job {
            workload: changed.into(),
            ..truth.clone()
        };
        let verdict = verify_against(&CpuEngine, &changed, &device("portable"), &truth);
        matches!(verdict, Ok(Verdict::Failed { .. }))
    };
    let with = |augment| Workload {
        augment,
        ..Workload::clone(&truth.workload)
    };
    let of = |crop_padding, flip| with(Some(Augment { crop_padding, flip }));
    assert!(!failed(of(4, true)));
    for changed in [with(None), of(3, true), of(4, false), of(0, true)] {
        assert!(failed(changed.clone()), "{:?}", changed.augment);
    }
    // Another seed has other draws. (Weights are the gate's own.)
    let other = Workload {
        seed: 2,
        ..of(4, true)
    };
    assert!(failed(other));
}

#[test]
fn threads_change_no_bit() {
    for workload in cases() {
        assert_threads_change_no_bit(&workload);
    }
}

#[test]
fn a_resumed_training_draws_on_and_evaluation_draws_nothing() {
    let plain = job(dense_net(&[20], BATCH), 5 * BATCH + 4, 2);
    let job = Job {
        workload: augmented(Workload::clone(&plain.workload)).into(),
        ..plain.clone()
    };
    assert_ne!(bits(&job, "portable"), bits(&plain, "portable"));
    let order: Vec<u32> = (0..5 * BATCH as u32 + 4).rev().collect();
    let progress = Progress::new();
    let mut whole = session(&job, "portable");
    whole.train(&order, &progress).unwrap();
    let mut parts = session(&job, "portable");
    parts.train(&order[..2 * BATCH], &progress).unwrap();
    let state = parts.state().unwrap();
    let mut resumed = session(&job, "portable");
    resumed.set_state(&state).unwrap();
    resumed.train(&order[2 * BATCH..], &progress).unwrap();
    let state = whole.state().unwrap();
    assert_eq!(state, resumed.state().unwrap());

    let mut unaugmented = session(&plain, "portable");
    unaugmented.set_state(&state).unwrap();
    let score = |session: &mut dyn laptime_engine::Session| session.evaluate(&progress).unwrap();
    assert_eq!(score(unaugmented.as_mut()), score(whole.as_mut()));
}
