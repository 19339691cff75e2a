//! Augmented images pass the gate, in training alone, in every form of kernel that reads them.

mod common;

use common::{ADAM, adapter, dense_net, job, net, session};
use laptime_engine::{
    Job, Passes, Progress,
    gate::{Verdict, verify, verify_against},
};
use laptime_gpu::GpuEngine;
use laptime_workload::{Augment, Workload};

const BATCH: usize = 18;

const CROP_AND_FLIP: Augment = Augment {
    crop_padding: 4,
    flip: true,
};

fn with(augment: Augment, workload: Workload) -> Workload {
    Workload {
        augment: Some(augment),
        ..workload
    }
}

/// Layers that read the pixels in this way first.
fn of_images(dataset: &str, first: &str) -> Workload {
    let layers = format!(
        "layer = [\n{first},\n{{ name = \"pool\", kind = \"avg_pool\", size = 4, stride = 4, padding = \"valid\" }},\n\
         {{ name = \"flatten\", kind = \"flatten\" }},\n{{ name = \"fc\", kind = \"dense\", units = 10 }},\n]\n"
    );
    net(dataset, &layers, ADAM, BATCH)
}

/// A dense layer, convolutions of each form, a pool and a batch norm, of one channel and of three.
fn cases() -> Vec<Workload> {
    let conv = |groups: usize| {
        format!(
            "{{ name = \"c\", kind = \"conv2d\", filters = 6, kernel = 3, stride = 2, padding = \"same\", \
             bias = true, groups = {groups} }}"
        )
    };
    let pool = r#"{ name = "p", kind = "max_pool", size = 2, stride = 2, padding = "valid" }"#;
    let norm = r#"{ name = "bn", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 }"#;
    vec![
        dense_net(&[20], BATCH),
        of_images("fashion-mnist", &conv(1)),
        of_images("cifar-10", &conv(1)),
        of_images("cifar-10", &conv(3)),
        of_images("cifar-10", pool),
        of_images("cifar-10", norm),
    ]
}

#[test]
fn augmented_images_are_verified() {
    let Some(device) = adapter() else { return };
    for workload in cases() {
        let in_parts = Workload {
            micro_batch_size: Some(7),
            ..workload.clone()
        };
        for workload in [workload, in_parts] {
            for passes in [Passes::All, Passes::Only(Vec::new())] {
                let job = Job {
                    passes: passes.clone(),
                    // The last batch is smaller.
                    ..job(with(CROP_AND_FLIP, workload.clone()), BATCH * 4 + 5)
                };
                let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
                let parts = workload.micro_batch_size;
                assert!(
                    verdict.is_verified(),
                    "{:?}, {parts:?}, {passes:?}: {verdict}",
                    workload.layers[0]
                );
            }
        }
    }
}

#[test]
fn another_crop_another_flip_or_none_is_found_out() {
    let Some(device) = adapter() else { return };
    let plain = dense_net(&[20], BATCH);
    let truth = job(with(CROP_AND_FLIP, plain.clone()), 4 * BATCH);
    let of = |crop_padding, flip| with(Augment { crop_padding, flip }, plain.clone());
    let other_seed = Workload {
        seed: 2,
        ..of(4, true)
    };
    for changed in [
        plain.clone(),
        of(3, true),
        of(4, false),
        of(0, true),
        other_seed,
    ] {
        let told = format!("{:?}, seed {}", changed.augment, changed.seed);
        let changed = Job {
            workload: changed.into(),
            ..truth.clone()
        };
        let verdict = verify_against(&GpuEngine::new(), &changed, &device, &truth).unwrap();
        assert!(
            matches!(verdict, Verdict::Failed { .. }),
            "{told}: {verdict}"
        );
    }
}

/// The widest that images are moved: all shifts fit into their words.
#[test]
fn a_resumed_training_draws_on_and_evaluation_draws_nothing() {
    let Some(device) = adapter() else { return };
    let plain = job(dense_net(&[20], BATCH), 5 * BATCH + 4);
    let widest = Augment {
        crop_padding: 27,
        flip: true,
    };
    let augmented = Job {
        workload: with(widest, Workload::clone(&plain.workload)).into(),
        ..plain.clone()
    };
    let order: Vec<u32> = (0..5 * BATCH as u32 + 4).rev().collect();
    let progress = Progress::new();
    let mut whole = session(&augmented, &device);
    whole.train(&order, &progress).unwrap();
    let state = whole.state().unwrap();

    let mut parts = session(&augmented, &device);
    parts.train(&order[..2 * BATCH], &progress).unwrap();
    let halfway = parts.state().unwrap();
    let mut resumed = session(&augmented, &device);
    resumed.set_state(&halfway).unwrap();
    resumed.train(&order[2 * BATCH..], &progress).unwrap();
    assert_eq!(state, resumed.state().unwrap());

    let mut unaugmented = session(&plain, &device);
    unaugmented.set_state(&state).unwrap();
    assert_eq!(
        unaugmented.evaluate(&progress).unwrap(),
        whole.evaluate(&progress).unwrap()
    );
}
