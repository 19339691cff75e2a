//! Steps of several micro-batches pass the gate, and give the same bits on any number of threads.

mod common;

use common::{
    bits, device, image_net, in_bf16, instruction_sets, job, net,
    optimizers::{ADAMW, LAYERS, NESTEROV, RMSPROP, scheduled},
    session,
};
use laptime_cpu::CpuEngine;
use laptime_engine::{
    Job, Passes, Progress,
    gate::{Verdict, verify, verify_against},
};
use laptime_workload::{Workload, epoch_order};

const BATCH: usize = 18;

fn in_micro_batches(workload: Workload, size: usize) -> Workload {
    Workload {
        micro_batch_size: Some(size),
        ..workload
    }
}

/// Micro-batches that make up the batch and such that leave a short one; the last batch has one whole and a short one,
/// or a short one alone.
fn cases() -> Vec<Workload> {
    let clipped = Workload {
        global_clip_norm: Some(0.3),
        label_smoothing: 0.1,
        ..scheduled(net(LAYERS, ADAMW, BATCH))
    };
    vec![
        in_micro_batches(net(LAYERS, NESTEROV, BATCH), 6),
        in_micro_batches(net(LAYERS, RMSPROP, BATCH), 7),
        in_micro_batches(clipped.clone(), 4),
        in_micro_batches(in_bf16(clipped), 6),
        in_micro_batches(image_net(BATCH), 5),
        in_micro_batches(in_bf16(image_net(BATCH)), 9),
    ]
}

#[test]
fn accumulated_gradients_are_verified_on_every_instruction_set() {
    for workload in cases() {
        for (isa, passes) in instruction_sets()
            .into_iter()
            .map(|isa| (isa, Passes::All))
            .chain([("portable", Passes::Only(Vec::new()))])
        {
            let job = Job {
                passes,
                ..job(workload.clone(), BATCH * 20 + 5, 2)
            };
            let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
            let size = workload.micro_batch_size;
            assert!(
                verdict.is_verified(),
                "{isa}, {:?}, {size:?}: {verdict}",
                workload.optimizer
            );
        }
    }
}

/// Where there are batch norms, other micro-batches are another training; and where there are none, the same.
#[test]
fn other_micro_batches_are_another_training_where_there_are_batch_norms() {
    let is_verified = |truth: Workload, trained: Workload| {
        let [truth, trained] = [truth, trained].map(|one| job(one, BATCH * 20 + 5, 2));
        let verdict = verify_against(&CpuEngine, &trained, &device("portable"), &truth).unwrap();
        assert!(matches!(
            verdict,
            Verdict::Verified { .. } | Verdict::Failed { .. }
        ));
        verdict.is_verified()
    };
    let of_images = image_net(BATCH);
    assert!(!is_verified(
        in_micro_batches(of_images.clone(), 6),
        of_images.clone()
    ));
    assert!(!is_verified(
        in_micro_batches(of_images.clone(), 6),
        in_micro_batches(of_images, 9)
    ));
    let of_rows = net(
        "layer = [{ name = \"flat\", kind = \"flatten\" }, { name = \"drop\", kind = \"dropout\", rate = 0.3 }, \
         { name = \"fc1\", kind = \"dense\", units = 20 }, { name = \"relu\", kind = \"relu\" }, \
         { name = \"fc2\", kind = \"dense\", units = 10 }]",
        NESTEROV,
        BATCH,
    );
    assert!(is_verified(
        of_rows.clone(),
        in_micro_batches(of_rows.clone(), 6)
    ));
    assert!(is_verified(in_micro_batches(of_rows.clone(), 6), of_rows));
}

#[test]
fn bits_depend_on_no_number_of_threads() {
    for workload in cases() {
        for isa in instruction_sets() {
            let expected = bits(&job(workload.clone(), 3 * BATCH + 5, 1), isa);
            for threads in [2, 3, 5] {
                let job = job(workload.clone(), 3 * BATCH + 5, threads);
                assert!(bits(&job, isa) == expected, "{isa}, {threads} threads");
            }
        }
    }
}

/// Steps, not micro-batches, are counted and timed, and a wish to stop is heard between two of them.
#[test]
fn a_step_is_all_of_its_micro_batches() {
    let samples = 3 * BATCH + 5;
    let job = job(
        in_micro_batches(net(LAYERS, NESTEROV, BATCH), 4),
        samples,
        2,
    );
    let mut session = session(&job, "portable");
    let order = epoch_order(3, 0, samples, true);
    let report = session.train(&order, &Progress::new()).unwrap();
    assert_eq!(report.score.samples, samples as u64);
    assert_eq!(report.step_s.unwrap().len(), 4);
    assert_eq!(session.state().unwrap().steps, 4);
    let progress = Progress::new();
    progress.stop();
    let report = session.train(&order, &progress).unwrap();
    assert_eq!(report.score.samples, BATCH as u64);
    assert_eq!(session.state().unwrap().steps, 5);
}

/// The kernels of a step: those of all of its Programs, the first of them once for all of its runs.
#[test]
fn a_profile_has_the_work_of_all_micro_batches() {
    let job = |size| Job {
        profile: true,
        ..job(
            in_micro_batches(net(LAYERS, NESTEROV, BATCH), size),
            BATCH,
            1,
        )
    };
    let order: Vec<u32> = (0..BATCH as u32).collect();
    let products = |size| -> u64 {
        let mut session = session(&job(size), "portable");
        session.train(&order, &Progress::new()).unwrap();
        let kernels = session.profile().unwrap().kernels;
        let products = kernels
            .iter()
            .filter(|one| one.kernel.contains("dense") && one.kernel.contains("grad_weight"));
        products.map(|one| one.flops).sum()
    };
    let costs = session(&job(6), "portable").step_costs();
    assert_eq!(
        costs,
        session(&job(9), "portable").step_costs(),
        "products do not depend on micro-batches"
    );
    assert!(products(6) > 0 && products(6).abs_diff(products(9)) < products(9) / 2);
}
