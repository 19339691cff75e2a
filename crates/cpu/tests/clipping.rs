//! Gradients that are clipped by the norm of all of them pass the gate; those that are not, or otherwise, do not.

mod common;

use common::{
    bits, device, in_bf16, instruction_sets, job, net,
    optimizers::{ADAMW, AMSGRAD, AMSGRAD_DECAY, LAYERS, NESTEROV, RMSPROP, SGD_DECAY, scheduled},
    planted,
};
use laptime_cpu::CpuEngine;
use laptime_engine::{
    Job, Passes,
    gate::{Verdict, verify, verify_against},
};
use laptime_graph::{Simplification, pass_names};
use laptime_workload::Workload;

/// Of a norm that the gradients of the first steps have, and of none that they come near to.
const NORMS: [f64; 2] = [0.3, 1e6];

fn clipped(optimizer: &str, norm: f64) -> Workload {
    Workload {
        global_clip_norm: Some(norm),
        ..scheduled(net(LAYERS, optimizer, 18))
    }
}

#[test]
fn clipped_gradients_are_verified_on_every_instruction_set() {
    for optimizer in [ADAMW, AMSGRAD, AMSGRAD_DECAY, RMSPROP, NESTEROV, SGD_DECAY] {
        for norm in NORMS {
            for workload in [clipped(optimizer, norm), in_bf16(clipped(optimizer, norm))] {
                for (isa, passes) in instruction_sets()
                    .into_iter()
                    .map(|isa| (isa, Passes::All))
                    .chain([("portable", Passes::Only(Vec::new()))])
                {
                    let job = Job {
                        passes,
                        ..job(workload.clone(), 18 * 20 + 5, 2)
                    };
                    let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
                    assert!(
                        verdict.is_verified(),
                        "{isa}, {optimizer}, {norm}: {verdict}"
                    );
                }
            }
        }
    }
}

/// There a batch's logits take as much memory as a metric, which the factor must leave alone.
#[test]
fn the_loss_of_a_last_batch_of_one_sample_is_told() {
    let job = job(clipped(ADAMW, 0.3), 18 * 20 + 1, 2);
    let verdict = verify(&CpuEngine, &job, &device("portable")).unwrap();
    assert!(verdict.is_verified(), "{verdict}");
}

#[test]
fn gradients_that_are_clipped_otherwise_are_caught() {
    for optimizer in [ADAMW, NESTEROV] {
        let truth = job(clipped(optimizer, 0.3), 18 * 20 + 5, 2);
        for wrong in [None, Some(0.303)] {
            let workload = Workload {
                global_clip_norm: wrong,
                ..clipped(optimizer, 0.3)
            };
            let planted = job(workload, 18 * 20 + 5, 2);
            let verdict = verify_against(&CpuEngine, &planted, &device("portable"), &truth);
            let verdict = verdict.unwrap();
            assert!(
                matches!(verdict, Verdict::Failed { .. }),
                "{optimizer}, {wrong:?}: {verdict}"
            );
        }
    }
}

#[test]
fn bits_depend_neither_on_threads_nor_on_dead_taps() {
    let no_dead_taps = pass_names().into_iter();
    let no_dead_taps = no_dead_taps.filter(|name| *name != Simplification::DeadTaps.as_str());
    let passes = Passes::Only(no_dead_taps.map(Into::into).collect());
    for workload in [clipped(ADAMW, 0.3), in_bf16(clipped(ADAMW, 0.3))] {
        for isa in instruction_sets() {
            let expected = bits(&job(workload.clone(), 3 * 18 + 2, 1), isa);
            for threads in [1, 2, 3, 5] {
                let job = job(workload.clone(), 3 * 18 + 2, threads);
                assert!(bits(&job, isa) == expected, "{isa}, {threads} threads");
                let job = Job {
                    passes: passes.clone(),
                    ..job
                };
                assert!(
                    bits(&job, isa) == expected,
                    "{isa}, {threads} threads, dead taps"
                );
            }
        }
    }
}

#[test]
fn what_is_not_finite_does_not_disappear_behind_a_factor() {
    let devices: Vec<_> = instruction_sets().into_iter().map(device).collect();
    for layers in planted::NETS {
        let workload = Workload {
            global_clip_norm: Some(0.3),
            ..net(layers, NESTEROV, 5)
        };
        planted::assert_nothing_disappears(&CpuEngine, &job(workload, 5, 2), &devices);
    }
}
