//! Gradients of weights that are made in parts of the positions, as of large images and of few channels: the gate
//! passes, and neither threads nor what is done about padding changes a bit.

mod common;

use common::{assert_threads_change_no_bit, assert_verified, bits, instruction_sets, job, net};
use laptime_engine::{Job, Passes};
use laptime_graph::{Simplification, pass_names};
use laptime_workload::Workload;

const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n";
const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.05\nmomentum = 0.9\n";

/// One channel and five, whose taps are joined, with padding, strides and dilation; and eighteen on a map whose dy
/// takes more than a cache, by rows of its own.
const LARGE: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 5, kernel = 5, stride = 1, padding = "same", bias = true },
    { name = "r1", kind = "relu" },
    { name = "c2", kind = "conv2d", filters = 18, kernel = [3, 2], stride = 1, padding = [2, 0, 1, 1], bias = true },
    { name = "r2", kind = "relu" },
    { name = "c3", kind = "conv2d", filters = 34, kernel = 3, stride = 1, padding = "same", bias = false },
    { name = "r3", kind = "relu" },
    { name = "c4", kind = "conv2d", filters = 7, kernel = 1, stride = 3, padding = "valid", bias = true },
    { name = "c5", kind = "conv2d", filters = 7, kernel = 3, stride = 2, padding = "same", bias = true },
    { name = "c6", kind = "conv2d", filters = 17, kernel = 7, stride = 4, padding = "same", bias = true },
    { name = "mean", kind = "global_avg_pool" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

fn workload(optimizer: &str, batch_size: usize) -> Workload {
    net(LARGE, optimizer, batch_size)
}

#[test]
fn gradients_in_parts_are_verified() {
    for (optimizer, batch_size) in [(ADAM, 18), (SGD, 3)] {
        assert_verified(&job(workload(optimizer, batch_size), 2 * batch_size + 1, 2));
    }
}

#[test]
fn threads_change_no_bit() {
    assert_threads_change_no_bit(&workload(ADAM, 18));
}

/// Zeros for padding are products of single taps, which stand between joined ones.
#[test]
fn padding_changes_no_bit() {
    let with = job(workload(ADAM, 18), 36, 2);
    let names = pass_names().into_iter();
    let padding = Simplification::OF_PADDING.map(Simplification::as_str);
    let others = names.filter(|name| !padding.contains(name));
    let without = Job {
        passes: Passes::Only(others.map(str::to_owned).collect()),
        ..with.clone()
    };
    for isa in instruction_sets() {
        assert!(bits(&with, isa) == bits(&without, isa), "{isa}");
    }
}
