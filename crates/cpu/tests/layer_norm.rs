//! Layer norms of rows and of images pass the gate on every instruction set, in both precisions; a wrong one
//! does not, and the number of threads changes no bit.

mod common;

use common::{assert_threads_change_no_bit, device, in_bf16, instruction_sets, job, net};
use laptime_cpu::CpuEngine;
use laptime_engine::gate::{Verdict, verify, verify_against};
use laptime_workload::Workload;

/// Norms of the pixels, of images that a convolution and a norm read, of a flattened image and last. Neither the
/// channels nor the units fill their last block of sixteen.
fn with(epsilon: f64, batch_size: usize) -> Workload {
    let layers = format!(
        r#"layer = [
        {{ name = "n0", kind = "layer_norm", epsilon = {epsilon} }},
        {{ name = "c1", kind = "conv2d", filters = 5, kernel = 3, stride = 4, padding = "same", bias = true }},
        {{ name = "n1", kind = "layer_norm", epsilon = {epsilon} }},
        {{ name = "a1", kind = "relu" }},
        {{ name = "c2", kind = "conv2d", filters = 18, kernel = 3, stride = 2, padding = "same", bias = false }},
        {{ name = "n2", kind = "layer_norm", epsilon = {epsilon} }},
        {{ name = "c3", kind = "conv2d", inputs = ["c2"], filters = 18, kernel = 1, stride = 1, padding = "same", bias = true }},
        {{ name = "add", kind = "add", inputs = ["n2", "c3"] }},
        {{ name = "flatten", kind = "flatten" }},
        {{ name = "n3", kind = "layer_norm", epsilon = {epsilon} }},
        {{ name = "fc1", kind = "dense", units = 21 }},
        {{ name = "n4", kind = "layer_norm", epsilon = {epsilon} }},
        {{ name = "a2", kind = "relu" }},
        {{ name = "fc2", kind = "dense", units = 10 }},
        {{ name = "n5", kind = "layer_norm", epsilon = {epsilon} }},
    ]"#
    );
    net(
        &layers,
        "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n",
        batch_size,
    )
}

#[test]
fn layer_norms_are_verified_on_every_instruction_set() {
    for workload in [with(1e-3, 6), with(1e-3, 18), in_bf16(with(1e-3, 6))] {
        for isa in instruction_sets() {
            let samples = 20 * workload.batch_size + 5;
            let job = job(workload.clone(), samples, 2);
            let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
            assert!(verdict.is_verified(), "{isa}: {verdict}");
        }
    }
}

#[test]
fn another_epsilon_is_found() {
    let (truth, planted) = (job(with(1e-3, 6), 125, 2), job(with(2e-3, 6), 125, 2));
    let verdict = verify_against(&CpuEngine, &planted, &device("portable"), &truth).unwrap();
    assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict}");
}

#[test]
fn threads_change_no_bit() {
    for workload in [with(1e-3, 18), in_bf16(with(1e-3, 18))] {
        assert_threads_change_no_bit(&workload);
    }
}
