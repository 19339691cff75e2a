//! Smoothed labels pass the gate; labels that are not, or otherwise, do not.

mod common;

use common::{classes::with_classes, dense_net, device, in_bf16, instruction_sets, job, planted};
use laptime_cpu::CpuEngine;
use laptime_engine::{
    Job, Passes,
    gate::{Verdict, verify, verify_against},
};
use laptime_workload::Workload;

fn smoothed(label_smoothing: f64) -> Workload {
    Workload {
        label_smoothing,
        ..dense_net(&[21], 8)
    }
}

#[test]
fn smoothed_labels_are_verified() {
    for workload in [smoothed(0.1), smoothed(1.0), in_bf16(smoothed(0.1))] {
        for (classes, passes) in [
            (10, Passes::All),
            (10, Passes::Only(Vec::new())),
            (300, Passes::All),
        ] {
            let job = Job {
                passes,
                ..with_classes(job(workload.clone(), 165, 2), classes)
            };
            for isa in instruction_sets() {
                let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
                assert!(verdict.is_verified(), "{isa}, {classes} classes: {verdict}");
            }
        }
    }
}

#[test]
fn another_smoothing_is_caught() {
    let truth = job(smoothed(0.1), 165, 2);
    for wrong in [0.0, 0.101] {
        let planted = job(smoothed(wrong), 165, 2);
        let verdict = verify_against(&CpuEngine, &planted, &device("portable"), &truth).unwrap();
        assert!(
            matches!(verdict, Verdict::Failed { .. }),
            "{wrong}: {verdict}"
        );
    }
}

#[test]
fn what_is_not_finite_does_not_disappear_behind_smoothed_labels() {
    let devices: Vec<_> = instruction_sets().into_iter().map(device).collect();
    let workload = Workload {
        batch_size: 5,
        ..smoothed(0.1)
    };
    planted::assert_nothing_disappears(&CpuEngine, &job(workload, 5, 2), &devices);
}
