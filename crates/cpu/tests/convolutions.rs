//! Dilated convolutions pass the gate on every instruction set, in both precisions, whatever is fused; the number of
//! threads changes no bit.

mod common;

use common::{
    assert_threads_change_no_bit, assert_verified, convolutions::DILATED, in_bf16, job, net,
};
use laptime_workload::Workload;

const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n";

fn dilated(batch_size: usize) -> Workload {
    net(DILATED, ADAM, batch_size)
}

#[test]
fn dilated_convolutions_are_verified_on_every_instruction_set() {
    for workload in [dilated(6), dilated(18), in_bf16(dilated(6))] {
        let samples = 20 * workload.batch_size + 5;
        assert_verified(&job(workload, samples, 2));
    }
}

#[test]
fn threads_change_no_bit() {
    for workload in [dilated(18), in_bf16(dilated(18))] {
        assert_threads_change_no_bit(&workload);
    }
}
