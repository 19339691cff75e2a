//! Layers that join others, upsampling, and convolutions in groups, pass the gate on every instruction set, in both
//! precisions, whatever is fused; the number of threads changes no bit.

mod common;

use common::{assert_threads_change_no_bit, assert_verified, in_bf16, job, joins::LAYERS, net};
use laptime_workload::Workload;

const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n";
const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.05\nmomentum = 0.9\n";

fn joins(batch_size: usize) -> Workload {
    net(LAYERS, ADAM, batch_size)
}

#[test]
fn joins_are_verified_on_every_instruction_set() {
    let with_sgd = net(LAYERS, SGD, 18);
    for workload in [joins(6), with_sgd, in_bf16(joins(6))] {
        let samples = 20 * workload.batch_size + 5;
        assert_verified(&job(workload, samples, 2));
    }
}

#[test]
fn threads_change_no_bit() {
    for workload in [joins(18), in_bf16(joins(18))] {
        assert_threads_change_no_bit(&workload);
    }
}
