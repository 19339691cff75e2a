//! Dilated and transposed convolutions pass the gate on every instruction set, in both precisions, whatever is fused; the number of
//! threads changes no bit.

mod common;

use common::{
    assert_threads_change_no_bit, assert_verified,
    convolutions::{DILATED, TRANSPOSED},
    in_bf16, job, net,
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

fn transposed(batch_size: usize) -> Workload {
    net(TRANSPOSED, ADAM, batch_size)
}

#[test]
fn transposed_convolutions_are_verified_on_every_instruction_set() {
    let with_sgd = net(
        TRANSPOSED,
        "kind = \"sgd\"\nlearning_rate = 0.05\nmomentum = 0.9\n",
        5,
    );
    for workload in [
        transposed(6),
        with_sgd,
        transposed(18),
        in_bf16(transposed(6)),
    ] {
        let samples = 20 * workload.batch_size + 5;
        assert_verified(&job(workload, samples, 2));
    }
}

#[test]
fn threads_change_no_bit() {
    let fp32 = [dilated(18), transposed(18)];
    for workload in fp32.clone().into_iter().chain(fp32.map(in_bf16)) {
        assert_threads_change_no_bit(&workload);
    }
}
