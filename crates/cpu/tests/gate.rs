//! The gate passes our engine on every instruction set, whatever is fused, for any net; and it
//! catches every planted error.

mod common;

use std::sync::Arc;

use common::{dense_net, device, fashion_mnist, in_bf16, instruction_sets, job, net};
use laptime_cpu::CpuEngine;
use laptime_engine::{
    Job, Passes,
    gate::{Verdict, verify, verify_against},
};
use laptime_graph::pass_names;
use laptime_workload::{Adam, LayerKind, Optimizer, Workload};

#[test]
fn fashion_mnist_is_verified_on_every_instruction_set() {
    for isa in instruction_sets() {
        let verdict = verify(&CpuEngine, &job(fashion_mnist(), 60_000, 2), &device(isa)).unwrap();
        assert_eq!(verdict, Verdict::verified(20), "{isa}");
    }
}

#[test]
fn dense_nets_in_bf16_are_verified_on_every_instruction_set() {
    for isa in instruction_sets() {
        for workload in [
            fashion_mnist(),
            dense_net(&[33], 7),
            dense_net(&[129, 17, 31], 9),
        ] {
            let job = job(in_bf16(workload), 20 * 32 + 5, 2);
            let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
            assert!(verdict.is_verified(), "{isa}: {verdict}");
        }
    }
}

#[test]
fn single_precision_does_not_pass_for_bf16() {
    let truth = job(in_bf16(fashion_mnist()), 60_000, 2);
    let planted = job(fashion_mnist(), 60_000, 2);
    let verdict = verify_against(&CpuEngine, &planted, &device("portable"), &truth).unwrap();
    assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict}");
}

#[test]
fn every_pass_can_be_switched_off() {
    let names: Vec<String> = pass_names().into_iter().map(Into::into).collect();
    let mut choices = vec![Vec::new()];
    for off in &names {
        choices.push(names.iter().filter(|name| *name != off).cloned().collect());
    }
    for on in choices {
        let passes = Passes::Only(on);
        // 128 units give the logits as partial sums where the bias is fused, and whole elsewhere.
        for units in [40, 128] {
            let job = Job {
                passes: passes.clone(),
                ..job(dense_net(&[units], 8), 160, 2)
            };
            for isa in instruction_sets() {
                let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
                assert!(
                    verdict.is_verified(),
                    "{isa}, {units} units, {passes:?}: {verdict}"
                );
            }
        }
    }
}

#[test]
fn nets_of_any_depth_width_and_batch_are_verified() {
    let table: [(&[usize], usize, usize); 7] = [
        (&[], 4, 2),
        (&[1], 1, 2),
        (&[16], 3, 2),
        (&[33], 7, 3),
        (&[100, 50], 5, 2),
        (&[129, 17, 31], 9, 4),
        (&[600, 100], 6, 2),
    ];
    for (hidden, batch_size, threads) in table {
        // A last batch of fewer samples, where a batch has more than one.
        let samples = 20 * batch_size + batch_size / 2;
        for isa in instruction_sets() {
            let job = job(dense_net(hidden, batch_size), samples, threads);
            let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
            assert!(
                verdict.is_verified(),
                "{isa}, {hidden:?}, batch {batch_size}: {verdict}"
            );
        }
    }
}

#[test]
fn planted_errors_are_caught() {
    let adam = |learning_rate, beta1, beta2, epsilon| {
        move |workload: &mut Workload| {
            workload.optimizer = Optimizer::Adam(Adam {
                learning_rate,
                beta1,
                beta2,
                epsilon,
                corrected_epsilon: false,
            });
        }
    };
    type Plant = dyn Fn(&mut Workload);
    let wrong: [(&str, &Plant); 6] = [
        ("epsilon 1e-8", &adam(1e-3, 0.9, 0.999, 1e-8)),
        ("learning rate 1 % off", &adam(1.01e-3, 0.9, 0.999, 1e-7)),
        ("betas swapped", &adam(1e-3, 0.999, 0.9, 1e-7)),
        ("beta2 0.99", &adam(1e-3, 0.9, 0.99, 1e-7)),
        ("pixels divided by 256", &|workload| {
            workload.pixel_divisor = 256.0
        }),
        ("ReLU missing", &|workload| {
            // An identity in ReLU's place keeps names and shapes.
            workload.layers[2].kind = LayerKind::Flatten;
        }),
    ];
    for right in [fashion_mnist(), in_bf16(fashion_mnist())] {
        let truth = job(right.clone(), 60_000, 2);
        for (name, plant) in wrong {
            let mut workload = right.clone();
            plant(&mut workload);
            let planted = Job {
                workload: Arc::new(workload),
                ..truth.clone()
            };
            for isa in instruction_sets() {
                let verdict = verify_against(&CpuEngine, &planted, &device(isa), &truth).unwrap();
                assert!(
                    matches!(verdict, Verdict::Failed { .. }),
                    "{isa}, {name}: {verdict}"
                );
            }
        }
    }
}

/// 784,000 pixels to a mean: in one long chain of additions a sum of so many loses digits.
#[test]
fn a_batch_norm_of_many_pixels_is_verified() {
    let layers = r#"layer = [
        { name = "norm", kind = "batch_norm", epsilon = 1e-3, momentum = 0.99 },
        { name = "flatten", kind = "flatten" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#;
    let sgd = "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.0\n";
    for isa in instruction_sets() {
        let job = job(net(layers, sgd, 1000), 1000, 2);
        let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
        assert!(verdict.is_verified(), "{isa}: {verdict}");
    }
}
