//! The same seed gives the same bits: from run to run, and for any number of threads.

mod common;

use common::{bits, dense_net, fashion_mnist, image_net, in_bf16, instruction_sets, job, net};
use laptime_engine::{Job, Passes};
use laptime_graph::FusionKind;

#[test]
fn bits_depend_neither_on_the_run_nor_on_the_number_of_threads() {
    for (workload, samples) in [
        (fashion_mnist(), 300),
        (dense_net(&[50, 40], 7), 300),
        (image_net(9), 40),
        (in_bf16(image_net(9)), 40),
        (net(POOLS, ADAM, 37), 90),
        (in_bf16(net(POOLS, ADAM, 37)), 90),
        (net(DROPOUT, ADAM, 37), 90),
        (net(DEPTHWISE, ADAM, 37), 90),
        (in_bf16(net(DEPTHWISE, ADAM, 37)), 90),
        (net(DENSE, ADAM, 37), 90),
        (in_bf16(net(DENSE, ADAM, 37)), 90),
    ] {
        for isa in instruction_sets() {
            let expected = bits(&job(workload.clone(), samples, 1), isa);
            for threads in [1, 2, 3, 7, 16, 64, 128] {
                assert!(
                    bits(&job(workload.clone(), samples, threads), isa) == expected,
                    "{}, {isa}, {threads} threads",
                    workload.name
                );
            }
        }
    }
}

/// Batch norms behind convolutions, pools whose windows overlap, and a sum, of images of many positions: with many
/// threads all of these are cut by positions.
const POOLS: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 20, kernel = 3, stride = 2, padding = "same", bias = true },
    { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu1", kind = "relu" },
    { name = "max", kind = "max_pool", size = 3, stride = 2, padding = "same" },
    { name = "c2", kind = "conv2d", filters = 16, kernel = 1, stride = 1, padding = "valid", bias = false },
    { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu2", kind = "relu" },
    { name = "c3", kind = "conv2d", filters = 20, kernel = 3, stride = 1, padding = "same", bias = false },
    { name = "bn3", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "add", kind = "add", inputs = ["bn3", "max"] },
    { name = "relu3", kind = "relu" },
    { name = "avg", kind = "avg_pool", size = 3, stride = 2, padding = "same" },
    { name = "flat", kind = "flatten" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

/// Depthwise convolutions with norms behind them and before them, and an activation that is made of what was stored: with
/// many threads they are cut by positions and taps, and sums are left from memory, behind products too.
const DEPTHWISE: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 20, kernel = 3, stride = 2, padding = "same", bias = false },
    { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "swish1", kind = "hard_swish" },
    { name = "d1", kind = "conv2d", filters = 20, kernel = 3, stride = 2, padding = "same", bias = false, groups = 20 },
    { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "swish2", kind = "hard_swish" },
    { name = "c2", kind = "conv2d", filters = 33, kernel = 1, stride = 1, padding = "same", bias = false },
    { name = "bn3", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "swish3", kind = "hard_swish" },
    { name = "d2", kind = "conv2d", filters = 33, kernel = [3, 5], stride = 1, padding = "same", bias = true, groups = 33 },
    { name = "relu", kind = "relu" },
    { name = "bn4", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "mean", kind = "global_avg_pool" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

/// Dense layers of few outputs, with activations in registers and behind them, a norm, and logits.
const DENSE: &str = r#"layer = [
    { name = "flat", kind = "flatten" },
    { name = "fc1", kind = "dense", units = 50 },
    { name = "gelu", kind = "gelu" },
    { name = "fc2", kind = "dense", units = 17 },
    { name = "bn", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu", kind = "relu" },
    { name = "fc3", kind = "dense", units = 130 },
    { name = "relu2", kind = "relu" },
    { name = "fc4", kind = "dense", units = 10 },
]"#;

/// A norm with ReLU behind it, which is all that reaches memory, and dropout that reads it value by value.
const DROPOUT: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 20, kernel = 3, stride = 2, padding = "same", bias = true },
    { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu1", kind = "relu" },
    { name = "drop1", kind = "dropout", rate = 0.3 },
    { name = "c2", kind = "conv2d", filters = 16, kernel = 3, stride = 1, padding = "same", bias = false },
    { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu2", kind = "relu" },
    { name = "flat", kind = "flatten" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-8\n";

/// Batch norms of odd channels, at one position, twice in a row, behind ReLU, and with a sum of which the
/// other part is made later.
const NORMS: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 17, kernel = 7, stride = 7, padding = "valid", bias = true },
    { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "bn1b", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "c2", kind = "conv2d", filters = 5, kernel = 4, stride = 1, padding = "valid", bias = false },
    { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "p", kind = "conv2d", inputs = ["bn1b"], filters = 5, kernel = 4, stride = 1, padding = "valid", bias = true },
    { name = "bnp", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "add", kind = "add", inputs = ["bn2", "bnp"] },
    { name = "c3", kind = "conv2d", filters = 33, kernel = 1, stride = 1, padding = "valid", bias = true },
    { name = "relu", kind = "relu" },
    { name = "bn3", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "mean", kind = "global_avg_pool" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

/// A batch norm that is done with its convolution adds up in the order of one that is not; batches need be
/// no whole blocks.
#[test]
fn a_norm_at_its_convolution_gives_the_same_bits() {
    let tested = [FusionKind::NormAtProduct, FusionKind::NormGradientAtProduct];
    let others = FusionKind::ALL.iter().filter(|kind| !tested.contains(kind));
    let others = Passes::Only(others.map(|kind| kind.to_string()).collect());
    let sgd = "kind = \"sgd\"\nlearning_rate = 0.05\nmomentum = 0.9\n";
    for workload in [image_net(18), image_net(9), net(NORMS, sgd, 20)] {
        for workload in [workload.clone(), in_bf16(workload)] {
            for isa in instruction_sets() {
                let together = job(workload.clone(), 47, 2);
                let apart = Job {
                    passes: others.clone(),
                    ..together.clone()
                };
                assert!(
                    bits(&together, isa) == bits(&apart, isa),
                    "{}, {isa}, {}",
                    workload.name,
                    workload.precision
                );
            }
        }
    }
}
