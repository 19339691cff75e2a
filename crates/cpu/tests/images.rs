//! Nets on images: every layer of the vocabulary passes the gate, on every instruction set, whatever
//! is fused, for odd sizes and batches.

mod common;

use common::{device, in_bf16, instruction_sets, job, net};
use laptime_cpu::CpuEngine;
use laptime_engine::{
    Job, Passes,
    gate::{Verdict, verify},
};
use laptime_graph::pass_names;

const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n";
const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.05\nmomentum = 0.9\n";

/// A net with every kind of layer but dropout and the flattened image: a strided convolution, a bottleneck with projection,
/// an identity shortcut, all pools.
const RESIDUAL: &str = r#"layer = [
    { name = "stem", kind = "conv2d", filters = 20, kernel = 7, stride = 2, padding = [3, 3, 3, 3], bias = true },
    { name = "bn0", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu0", kind = "relu" },
    { name = "pool", kind = "max_pool", size = 3, stride = 2, padding = [1, 1, 1, 1] },
    { name = "a1", kind = "conv2d", filters = 8, kernel = 1, stride = 2, padding = "valid", bias = true },
    { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu1", kind = "relu" },
    { name = "a2", kind = "conv2d", filters = 17, kernel = 3, stride = 1, padding = "same", bias = true },
    { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "p", kind = "conv2d", inputs = ["pool"], filters = 17, kernel = 1, stride = 2, padding = "valid", bias = false },
    { name = "bnp", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "add1", kind = "add", inputs = ["bn2", "bnp"] },
    { name = "relu2", kind = "relu" },
    { name = "b1", kind = "conv2d", filters = 17, kernel = 3, stride = 1, padding = "same", bias = false },
    { name = "bn3", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "add2", kind = "add", inputs = ["bn3", "relu2"] },
    { name = "relu3", kind = "relu" },
    { name = "gap", kind = "global_avg_pool" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

/// Convolutions with biases that do train, dropout, and a flattened image.
const VGG: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 6, kernel = 3, stride = 2, padding = "same", bias = true },
    { name = "relu1", kind = "relu" },
    { name = "avg", kind = "avg_pool", size = 3, stride = 2, padding = "same" },
    { name = "c2", kind = "conv2d", filters = 18, kernel = [3, 2], stride = [2, 1], padding = "valid", bias = true },
    { name = "relu2", kind = "relu" },
    { name = "drop1", kind = "dropout", rate = 0.25 },
    { name = "flatten", kind = "flatten" },
    { name = "fc1", kind = "dense", units = 30 },
    { name = "relu3", kind = "relu" },
    { name = "drop2", kind = "dropout", rate = 0.5 },
    { name = "fc2", kind = "dense", units = 10 },
]"#;

fn verdict(job: &Job, isa: &str) -> Verdict {
    verify(&CpuEngine, job, &device(isa)).unwrap()
}

#[test]
fn nets_on_images_are_verified_on_every_instruction_set() {
    for (layers, optimizer, batch_size, threads) in [
        (RESIDUAL, ADAM, 8, 2),
        (RESIDUAL, SGD, 18, 3),
        (VGG, ADAM, 5, 2),
        (VGG, SGD, 16, 2),
    ] {
        for isa in instruction_sets() {
            let fp32 = net(layers, optimizer, batch_size);
            for workload in [fp32.clone(), in_bf16(fp32)] {
                let precision = workload.precision;
                let job = job(workload, 20 * batch_size + 3, threads);
                let verdict = verdict(&job, isa);
                // How many steps that is about follows from what the net costs.
                assert!(
                    verdict.is_verified(),
                    "{isa}, batch {batch_size}, {precision}: {verdict}"
                );
            }
        }
    }
}

#[test]
fn every_pass_of_a_residual_net_can_be_switched_off() {
    let names: Vec<String> = pass_names().into_iter().map(Into::into).collect();
    let mut choices = vec![Vec::new()];
    for off in &names {
        choices.push(names.iter().filter(|name| *name != off).cloned().collect());
    }
    for on in choices {
        let passes = Passes::Only(on);
        let fp32 = net(RESIDUAL, ADAM, 4);
        for workload in [fp32.clone(), in_bf16(fp32)] {
            let job = Job {
                passes: passes.clone(),
                ..job(workload, 80, 2)
            };
            let verdict = verdict(&job, instruction_sets()[0]);
            assert!(verdict.is_verified(), "{passes:?}: {verdict}");
        }
    }
}
