//! Depthwise convolutions pass the gate on every instruction set, in both precisions, whatever is fused; the
//! number of threads changes no bit.

mod common;

use common::{assert_threads_change_no_bit, assert_verified, in_bf16, job, net};
use laptime_workload::Workload;

/// Of the pixels, with and without a bias, a norm and ReLU behind; with windows that overlap, leave gaps and have
/// dead taps. The channels do not fill their last block of sixteen.
fn depthwise(batch_size: usize) -> Workload {
    let layers = r#"layer = [
        { name = "d0", kind = "conv2d", filters = 1, kernel = [3, 2], stride = [2, 3], padding = [1, 0, 1, 1], bias = true, groups = 1 },
        { name = "c1", kind = "conv2d", filters = 19, kernel = 3, stride = 2, padding = "same", bias = false },
        { name = "d1", kind = "conv2d", filters = 19, kernel = 3, stride = 2, padding = "same", bias = true, groups = 19 },
        { name = "a1", kind = "relu" },
        { name = "d2", kind = "conv2d", filters = 19, kernel = [2, 3], stride = 1, padding = [1, 0, 2, 1], bias = false, groups = 19 },
        { name = "n2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "a2", kind = "hard_swish" },
        { name = "c2", kind = "conv2d", filters = 17, kernel = 1, stride = 2, padding = "valid", bias = false },
        { name = "d3", kind = "conv2d", filters = 17, kernel = 7, stride = 1, padding = "same", bias = false, groups = 17 },
        { name = "gap", kind = "global_avg_pool" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#;
    let adam =
        "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n";
    net(layers, adam, batch_size)
}

#[test]
fn depthwise_convolutions_are_verified_on_every_instruction_set() {
    for workload in [depthwise(6), depthwise(18), in_bf16(depthwise(6))] {
        let samples = 20 * workload.batch_size + 5;
        assert_verified(&job(workload, samples, 2));
    }
}

#[test]
fn threads_change_no_bit() {
    for workload in [depthwise(18), in_bf16(depthwise(18))] {
        assert_threads_change_no_bit(&workload);
    }
}
